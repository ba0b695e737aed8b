/* Mail as files: there is no mail server, and what would be sent is there to be read. */
#pragma once

#include "base/err.h"

#include <jansson.h>
#include <stdint.h>

enum { MAIL_FILES_MAX = 1000 /* of an address; the oldest makes room */ };

/*
 * Writes a delivery (service/sns/delivery.h) as <dir>/<address>/<time>-<message>.eml; again under
 * the same name if it is delivered again. NULL `dir`: nobody keeps mail, and it is done.
 */
int mail_file_write(const char *dir, const json_t *delivery, int64_t now_ms, struct err *err);

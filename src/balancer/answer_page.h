/* The pages of the load balancer's own answers. */
#pragma once

#include "wire/http1.h"

#include <stdbool.h>
#include <stddef.h>

enum { ANSWER_PAGE_SIZE_MAX = 1024 };

/* AWS's words for a status; empty for those that it has no words for. */
const char *answer_reason(int status);
/* Writes the page into out[ANSWER_PAGE_SIZE_MAX]; returns its size, 0 if the status has none. */
size_t answer_page(int status, bool padded, char *out);
/* Whether this browser gets error pages that are padded, so that it does not show its own. */
bool answer_is_padded_for(struct slice user_agent);
/* The value of User-Agent in the text of a head; empty if it is not there. */
struct slice answer_user_agent(struct slice head);

/*
 * Who signs messages: one key and certificate for the whole cloud, of the local authority, made
 * with the first topic.
 */
#pragma once

#include "service/call.h"

/* Makes them if there are none yet. err_again() while the key is being made. */
int sns_signing_prepare(struct call *call, struct err *err);
/* "SimpleNotificationService-<32 hex digits>.pem", borrowed; "" before there is one. */
const char *sns_signing_file(const struct store *store);
/* The certificate as PEM if the file has this name, borrowed; else NULL. */
const char *sns_signing_certificate(const struct store *store, const char *file);
/* The signature of a text in base64, malloc'd: version "1" is SHA-1, "2" SHA-256. */
char *sns_sign(struct call *call, const char *version, const char *text, size_t size,
               struct err *err);

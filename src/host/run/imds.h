/* A client of the instance metadata service (IMDSv2), for PID 1's children. */
#pragma once

#include "base/buf.h"

enum { IMDS_TOKEN_SIZE = 256 };

/* Asks until the service answers, for two minutes at most. < 0 if it never does. */
int imds_get_token(char token[IMDS_TOKEN_SIZE]);
/* The HTTP status and the body of GET `path` ("/latest/user-data"); < 0 if there is no answer. */
int imds_get(const char *token, const char *path, struct buf *body);

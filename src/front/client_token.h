/*
 * Idempotency: an operation whose input has a client token gives the same answer to the same
 * token for a day (cloud time), and refuses the token for another request.
 */
#pragma once

#include "model/model.h"
#include "service/call.h"

enum { CLIENT_TOKEN_SIZE_MAX = 128 };

struct client_token {
    char id[256];  /* of the document; "" when the request has no token */
    char hash[65]; /* of the input */
};

/*
 * Returns 1 if the request was answered before (call->out is that answer), 0 if it is to be run,
 * or -1 if the token belongs to another request.
 */
int client_token_find(struct client_token *token, struct call *call,
                      const struct model_service *service, const struct model_operation *operation,
                      struct err *err);
/* Keeps the answer in the open transaction. */
void client_token_keep(const struct client_token *token, struct call *call);

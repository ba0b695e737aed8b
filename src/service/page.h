/* Pages of Describe and List operations whose token is the position of the next item. */
#pragma once

#include "service/call.h"

/* How an operation names its pagination. */
struct paging {
    const char *size_in, *token_in; /* members of the request; size_in NULL: the size is fixed */
    const char *token_out;          /* member of the output */
    const char *invalid_token_code; /* the error for a token that was not made here */
    size_t size;                    /* of a page when the request names none; 0: everything */
    int64_t size_max;               /* that the request may name; 0: the model checks it */
};

/*
 * Puts the page of `all` (an array, borrowed) that the request asks for into `member` of the
 * output, and a token if more follow.
 */
int call_page(struct call *call, const struct paging *paging, const json_t *all, const char *member,
              struct err *err);

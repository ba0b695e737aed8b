/*
 * Temporary credentials: STS issues them, and the front believes who signs with them. They expire
 * in real time, by which the programs that hold them go.
 */
#pragma once

#include "base/err.h"
#include "service/call.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

enum {
    STS_CREDENTIALS_MAX = 1000, /* that have not expired */
    STS_TOKEN_SIZE_MAX = 4096,
    STS_ACCESS_KEY_SIZE = 21, /* four letters, 16 digits of base32 and a NUL */
};

/* Who holds the credentials, and for how long. */
struct sts_order {
    const char *arn;     /* "arn:aws:iam::000000000000:root" */
    const char *user_id; /* what GetCallerIdentity shows */
    int64_t duration_s;
    size_t token_size_min; /* 0: as large as need be; at most STS_TOKEN_SIZE_MAX */
};

/*
 * Issues credentials in the open transaction. *ret_credentials is a new reference to the API's
 * shape Credentials. Fails with Throttling when there are too many.
 */
int sts_issue(struct call *call, const struct sts_order *order, json_t **ret_credentials,
              struct err *err);

/* What is kept of a key that was issued, also when it has expired: see docs/state.md. Borrowed;
 * NULL: nobody's. */
const json_t *sts_find(const struct store *store, const char *access_key);

/*
 * The account that an access key's id tells, as AWS's do: 12 digits and a NUL. False if it is
 * not such an id.
 */
bool sts_read_account(const char *access_key, char out[13]);

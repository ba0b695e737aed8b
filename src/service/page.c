#include "service/page.h"

#include "service/doc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKEN_DIGITS = 16 };

static int parse_token(const char *token, const char *invalid_token_code, size_t *ret_start,
                       struct err *err)
{
    if (strlen(token) != TOKEN_DIGITS || strspn(token, "0123456789abcdef") != TOKEN_DIGITS)
        return err_aws(err, invalid_token_code, "The token '%.200s' is invalid.", token);
    *ret_start = (size_t)strtoull(token, NULL, 16);
    return 0;
}

/* In the words of the model's validation, for limits that are not in the model. */
static int check_size(const struct call *call, const struct paging *paging, struct err *err)
{
    const json_t *asked = paging->size_in ? json_object_get(call->in, paging->size_in) : NULL;
    int64_t size = json_integer_value(asked);
    if (!asked || !paging->size_max || (size >= 1 && size <= paging->size_max))
        return 0;
    return err_aws(err, "ValidationError",
                   "1 validation error detected: Value '%lld' at '%c%s' failed to satisfy "
                   "constraint: Member must have value %s than or equal to %lld",
                   (long long)size, paging->size_in[0] | 0x20, paging->size_in + 1,
                   size < 1 ? "greater" : "less", size < 1 ? 1LL : (long long)paging->size_max);
}

int call_page(struct call *call, const struct paging *paging, const json_t *all, const char *member,
              struct err *err)
{
    size_t start = 0, size = paging->size ? paging->size : json_array_size(all);
    const char *token = json_string_value(json_object_get(call->in, paging->token_in));
    if (check_size(call, paging, err) < 0)
        return -1;
    if (token && parse_token(token, paging->invalid_token_code, &start, err) < 0)
        return -1;
    if (paging->size_in && doc_number(call->in, paging->size_in) > 0)
        size = (size_t)doc_number(call->in, paging->size_in);
    json_t *page = json_array();
    json_object_set_new(call->out, member, page);
    size_t i = start;
    for (; i < json_array_size(all) && i - start < size; i++)
        json_array_append(page, json_array_get(all, i));
    if (i < json_array_size(all)) {
        char next[TOKEN_DIGITS + 1];
        snprintf(next, sizeof next, "%016zx", i);
        json_object_set_new(call->out, paging->token_out, json_string(next));
    }
    return 0;
}

/* Searches over all documents of a kind, and limits on their number. */
#include "service/ec2/filter.h"
#include "service/ec2/vpc.h"

#include <stdio.h>

json_t *ec2_arn(const struct call *call, const char *type, const char *id)
{
    return json_sprintf("arn:aws:ec2:%s:%s:%s/%s", call->region, call->account, type, id);
}

const json_t *ec2_first(const struct call *call, const char *kind, const char *path,
                        const char *text)
{
    store_each (cursor, call->store, kind, call->region) {
        if (ec2_path_has(cursor.doc, path, text))
            return cursor.doc;
    }
    return NULL;
}

int ec2_limit(const struct call *call, const char *kind, const char *path, const char *text,
              size_t most, const char *code, struct err *err)
{
    size_t count = 0;
    store_each (cursor, call->store, kind, call->region) {
        count += !path || ec2_path_has(cursor.doc, path, text);
    }
    if (count < most)
        return 0;
    return err_aws(err, code, "The maximum number of resources of type %s (%zu) has been reached.",
                   kind, most);
}

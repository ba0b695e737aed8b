/* DescribeAccountAttributes. */
#include "service/accept.h"
#include "service/ec2/filter.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"

#include <string.h>

static const char *default_vpc(const struct call *call)
{
    store_each (cursor, call->store, "vpc", call->region) {
        if (json_is_true(json_object_get(cursor.doc, "IsDefault")))
            return cursor.id;
    }
    return "none";
}

int ec2_DescribeAccountAttributes(struct call *call, struct err *err)
{
    const struct {
        const char *name, *value;
    } attributes[] = {
        {"supported-platforms", "VPC"}, {"vpc-max-security-groups-per-interface", "5"},
        {"max-elastic-ips", "5"},       {"max-instances", "20"},
        {"vpc-max-elastic-ips", "5"},   {"default-vpc", default_vpc(call)},
    };
    if (call_accept(call->in, "AttributeNames", err) < 0)
        return -1;
    const json_t *wanted = json_object_get(call->in, "AttributeNames");
    json_t *list = json_array();
    json_object_set_new(call->out, "AccountAttributes", list);
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) {
        if (json_array_size(wanted) > 0 && !ec2_path_has(wanted, "", attributes[i].name))
            continue;
        json_array_append_new(list,
                              json_pack("{s:s, s:[{s:s}]}", "AttributeName", attributes[i].name,
                                        "AttributeValues", "AttributeValue", attributes[i].value));
    }
    return 0;
}

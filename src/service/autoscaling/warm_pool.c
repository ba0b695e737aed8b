#include "service/autoscaling/warm_pool.h"

#include "service/autoscaling/group.h"

const json_t *warm_pool_of(const json_t *group)
{
    return json_object_get(group, "WarmPoolConfiguration");
}

bool warm_pool_is_deleted(const json_t *group)
{
    return doc_flag(group, "_deleting") || doc_is(warm_pool_of(group), "Status", "PendingDelete");
}

int warm_pool_count(const json_t *group)
{
    int count = 0;
    size_t i;
    const json_t *member;
    json_array_foreach (json_object_get(group, "Instances"), i, member)
        count += member_is_warm(member) && !member_is_terminating(member);
    return count;
}

int warm_pool_wanted(const json_t *group)
{
    const json_t *pool = warm_pool_of(group);
    const json_t *prepared = json_object_get(pool, "MaxGroupPreparedCapacity");
    if (!pool || warm_pool_is_deleted(group))
        return 0;
    int64_t most = prepared ? json_integer_value(prepared) : doc_number(group, "MaxSize");
    int64_t wanted = most - doc_number(group, "DesiredCapacity");
    int64_t least = doc_number(pool, "MinSize");
    return (int)(wanted > least ? wanted : least);
}

const char *warm_pool_state(const json_t *group)
{
    bool runs = doc_is(warm_pool_of(group), "PoolState", "Running");
    return runs ? "Warmed:Running" : "Warmed:Stopped";
}

json_t *warm_pool_members(const json_t *group, bool warm)
{
    json_t *members = json_array();
    size_t i;
    json_t *member;
    json_array_foreach (json_object_get(group, "Instances"), i, member)
        if (member_is_warm(member) == warm)
            json_array_append(members, member);
    return members;
}

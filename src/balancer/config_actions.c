#include "balancer/config_actions.h"

#include "balancer/config_reader.h"
#include "balancer/config_stickiness.h"
#include "wire/rule_pattern.h"

#include <stdio.h>
#include <string.h>

enum { GROUPS_MAX = 5, WEIGHT_MAX = 999 };

static struct target_group *find_group(const struct snapshot *snapshot, const char *key)
{
    for (int i = 0; i < snapshot->group_count; i++)
        if (strcmp(snapshot->groups[i].key, key) == 0)
            return &snapshot->groups[i];
    return NULL;
}

static int use_group(struct snapshot *snapshot, struct load_balancer *load_balancer,
                     const struct listener *listener, const json_t *json, struct forward_group *out,
                     struct err *err)
{
    const char *key;
    int64_t weight;
    const char *name = snapshot->cloud ? "TargetGroupArn" : "TargetGroupName";
    if (reader_required_text(json, name, 512, &key, err) < 0 ||
        reader_integer(json, "Weight", 0, WEIGHT_MAX, 1, &weight, err) < 0)
        return -1;
    out->group = find_group(snapshot, key);
    if (!out->group)
        return err_set(err, "the target group '%s' is not in TargetGroups", key);
    if (out->group->user && out->group->user != load_balancer)
        return err_set(err, "the target group '%s' is used by two load balancers", key);
    if (rule_check_version(target_version_names[out->group->version], listener->tls != NULL, err) <
        0)
        return -1;
    out->group->user = load_balancer;
    out->weight = (unsigned)weight;
    out->cells =
        snapshot_alloc(snapshot, (size_t)load_balancer->node_count * sizeof(struct cell *));
    for (int i = 0; i < load_balancer->node_count; i++)
        out->cells[i] = snapshot_cell(snapshot, load_balancer->name, out->group->name,
                                      load_balancer->nodes[i].zone);
    return 0;
}

static int load_forward(struct snapshot *snapshot, struct load_balancer *load_balancer,
                        const struct listener *listener, const json_t *json, struct action *out,
                        struct err *err)
{
    static const char *const members[] = {"TargetGroups", "TargetGroupStickinessConfig", NULL};
    const json_t *config = json_object_get(json, "ForwardConfig"), *group;
    if (config && reader_check(config, "ForwardConfig", members, err) < 0)
        return -1;
    const json_t *groups = json_object_get(config, "TargetGroups");
    size_t count = groups ? json_array_size(groups) : 1, index;
    if (count < 1 || count > GROUPS_MAX)
        return err_set(err, "a forward action must have 1 to %d target groups", GROUPS_MAX);
    out->groups = snapshot_alloc(snapshot, count * sizeof *out->groups);
    if (!groups) {
        out->group_count = 1;
        if (use_group(snapshot, load_balancer, listener, json, &out->groups[0], err) < 0)
            return -1;
    }
    json_array_foreach (groups, index, group) {
        if (use_group(snapshot, load_balancer, listener, group, &out->groups[out->group_count++],
                      err) < 0)
            return -1;
    }
    for (int i = 0; i < out->group_count; i++)
        out->weight_sum += out->groups[i].weight;
    return stickiness_load_action(config, out, err);
}

/* A part of the redirect's configuration, or its default. */
static char *part(struct snapshot *snapshot, const char *text, const char *missing)
{
    return snapshot_text(snapshot, text ? text : missing);
}

static int load_redirect(struct snapshot *snapshot, struct load_balancer *load_balancer,
                         const struct listener *listener, const json_t *json, struct action *out,
                         struct err *err)
{
    (void)load_balancer;
    static const char *const members[] = {"Protocol", "Host",       "Port", "Path",
                                          "Query",    "StatusCode", NULL};
    const json_t *config = json_object_get(json, "RedirectConfig");
    const char *status;
    struct rule_redirect parts;
    if (reader_check(config, "RedirectConfig", members, err) < 0 ||
        reader_required_text(config, "StatusCode", 16, &status, err) < 0 ||
        reader_text(config, "Protocol", RULE_REDIRECT_SIZE_MAX, &parts.protocol, err) < 0 ||
        reader_text(config, "Host", RULE_REDIRECT_SIZE_MAX, &parts.host, err) < 0 ||
        reader_text(config, "Port", RULE_REDIRECT_SIZE_MAX, &parts.port, err) < 0 ||
        reader_text(config, "Path", RULE_REDIRECT_SIZE_MAX, &parts.path, err) < 0 ||
        reader_text(config, "Query", RULE_REDIRECT_SIZE_MAX, &parts.query, err) < 0 ||
        rule_check_redirect(&parts, listener->tls != NULL, err) < 0)
        return -1;
    if (strcmp(status, "HTTP_301") == 0)
        out->status = 301;
    else if (strcmp(status, "HTTP_302") == 0)
        out->status = 302;
    else
        return err_set(err, "StatusCode must be HTTP_301 or HTTP_302");
    out->protocol = part(snapshot, parts.protocol, "#{protocol}");
    out->host = part(snapshot, parts.host, "#{host}");
    out->port = part(snapshot, parts.port, "#{port}");
    out->path = part(snapshot, parts.path, "/#{path}");
    out->query = part(snapshot, parts.query, "#{query}");
    return 0;
}

static int load_fixed_response(struct snapshot *snapshot, struct load_balancer *load_balancer,
                               const struct listener *listener, const json_t *json,
                               struct action *out, struct err *err)
{
    (void)load_balancer;
    (void)listener;
    static const char *const members[] = {"StatusCode", "ContentType", "MessageBody", NULL};
    const json_t *config = json_object_get(json, "FixedResponseConfig");
    const char *type, *body;
    char code[8];
    int64_t status;
    if (reader_check(config, "FixedResponseConfig", members, err) < 0 ||
        reader_integer(config, "StatusCode", 100, 999, 0, &status, err) < 0 ||
        reader_text(config, "ContentType", 32, &type, err) < 0 ||
        reader_text(config, "MessageBody", RULE_MESSAGE_SIZE_MAX, &body, err) < 0)
        return -1;
    snprintf(code, sizeof code, "%d", (int)status);
    if (rule_check_fixed_response(code, type, body, err) < 0)
        return -1;
    out->status = (int)status;
    out->content_type = snapshot_text(snapshot, type && *type ? type : "text/plain");
    out->body = snapshot_text(snapshot, body ? body : "");
    return 0;
}

static const struct {
    const char *name;
    enum action_type type;
    const char *members[5];
    int (*load)(struct snapshot *, struct load_balancer *, const struct listener *, const json_t *,
                struct action *, struct err *);
} action_types[] = {
    {"forward", ACTION_FORWARD, {"Type", "ForwardConfig"}, load_forward},
    {"redirect", ACTION_REDIRECT, {"Type", "RedirectConfig"}, load_redirect},
    {"fixed-response", ACTION_FIXED_RESPONSE, {"Type", "FixedResponseConfig"}, load_fixed_response},
};

/* The row of an action's type; -1 and err if it is not one that the balancer knows. */
static int find_type(const json_t *json, struct err *err)
{
    const char *type;
    if (reader_required_text(json, "Type", 64, &type, err) < 0)
        return -1;
    for (size_t i = 0; i < sizeof action_types / sizeof action_types[0]; i++)
        if (strcmp(action_types[i].name, type) == 0)
            return (int)i;
    return err_set(err, "the action type '%s' is not supported", type);
}

int actions_load(struct snapshot *snapshot, struct load_balancer *load_balancer,
                 const struct listener *listener, const json_t *actions, struct action *out,
                 struct err *err)
{
    size_t index;
    const json_t *json;
    json_array_foreach (actions, index, json)
        if (find_type(json, err) < 0)
            return -1;
    if (json_array_size(actions) != 1)
        return err_set(err, "there must be exactly one action");
    json = json_array_get(actions, 0);
    int type = find_type(json, err);
    if (reader_check(json, "an action", action_types[type].members, err) < 0)
        return -1;
    out->type = action_types[type].type;
    return action_types[type].load(snapshot, load_balancer, listener, json, out, err);
}

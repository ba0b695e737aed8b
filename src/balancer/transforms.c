#include "balancer/transforms.h"

#include "balancer/config_reader.h"
#include "wire/rule_pattern.h"

#include <ctype.h>
#include <string.h>

enum { HOST_SIZE_MAX = 255 };

/* ---- applying ---- */

static bool is_host(struct slice host)
{
    for (size_t i = 0; i < host.size; i++)
        if (!isalnum((unsigned char)host.data[i]) && !strchr("-._:[]", host.data[i]))
            return false;
    return host.size && host.size <= HOST_SIZE_MAX;
}

static bool is_url(struct slice url)
{
    for (size_t i = 0; i < url.size; i++) {
        unsigned char byte = (unsigned char)url.data[i];
        if (byte <= ' ' || byte == 0x7f || byte == '#')
            return false;
    }
    return url.size && url.data[0] == '/' && url.size <= HTTP1_LINE_SIZE_MAX;
}

/* `replace` with what the groups hold in place of $0 to $9. */
static void expand(struct writer *out, const char *replace, const char *text,
                   const struct regex_span *spans)
{
    for (const char *at = replace; *at; at++) {
        if (*at != '$' || !isdigit((unsigned char)at[1])) {
            write_bytes(out, at, 1);
            continue;
        }
        struct regex_span span = spans[*++at - '0'];
        if (span.start >= 0)
            write_bytes(out, text + span.start, (size_t)(span.end - span.start));
    }
}

/* The first match is replaced, what is around it stays. */
static enum transform_result apply(const struct rewrite *rewrite, struct slice text,
                                   bool (*is_valid)(struct slice), struct regex_scratch *scratch,
                                   struct writer *out, struct slice *made)
{
    struct regex_span spans[REGEX_GROUPS_MAX + 1];
    if (!rewrite->regex || !regex_search(rewrite->regex, text.data, text.size, spans, scratch))
        return TRANSFORM_NONE;
    const char *start = out->at;
    write_bytes(out, text.data, (size_t)spans[0].start);
    expand(out, rewrite->replace, text.data, spans);
    write_bytes(out, text.data + spans[0].end, text.size - (size_t)spans[0].end);
    *made = (struct slice){start, (size_t)(out->at - start)};
    return !out->full && is_valid(*made) ? TRANSFORM_DONE : TRANSFORM_FAILED;
}

enum transform_result transform_request(const struct rule *rule, const struct request_facts *facts,
                                        struct writer *out, struct transformed *made)
{
    *made = (struct transformed){0};
    enum transform_result host =
        apply(&rule->host_rewrite, facts->host, is_host, facts->scratch, out, &made->host);
    enum transform_result url =
        apply(&rule->url_rewrite, facts->url, is_url, facts->scratch, out, &made->url);
    return host > url ? host : url;
}

/* ---- loading ---- */

static int load_rewrite(struct snapshot *snapshot, const json_t *config, unsigned flags,
                        struct rewrite *out, struct err *err)
{
    static const char *const members[] = {"Rewrites", NULL};
    static const char *const rewrite_members[] = {"Regex", "Replace", NULL};
    const json_t *rewrites = json_object_get(config, "Rewrites");
    const json_t *json = json_array_get(rewrites, 0);
    const char *regex, *replace;
    if (reader_check(config, "the configuration of a transform", members, err) < 0)
        return -1;
    if (json_array_size(rewrites) != 1)
        return err_set(err, "a transform must have exactly one rewrite");
    if (reader_check(json, "a rewrite", rewrite_members, err) < 0 ||
        reader_required_text(json, "Regex", RULE_REWRITE_SIZE_MAX, &regex, err) < 0 ||
        reader_text(json, "Replace", RULE_REWRITE_SIZE_MAX, &replace, err) < 0)
        return -1;
    if (!replace)
        return err_set(err, "Replace is missing");
    if (out->regex)
        return err_set(err, "a rule can only have one transform of each type");
    if (rule_check_rewrite(regex, replace, err) < 0)
        return -1;
    out->replace = snapshot_text(snapshot, replace);
    out->regex = snapshot_regex(snapshot, regex, flags, err);
    return out->regex ? 0 : -1;
}

static int load_transform(struct snapshot *snapshot, const json_t *json, struct rule *rule,
                          struct err *err)
{
    static const char *const host_members[] = {"Type", "HostHeaderRewriteConfig", NULL};
    static const char *const url_members[] = {"Type", "UrlRewriteConfig", NULL};
    const char *type;
    if (reader_required_text(json, "Type", 64, &type, err) < 0)
        return -1;
    if (strcmp(type, "host-header-rewrite") == 0)
        return reader_check(json, "a transform", host_members, err) < 0
                   ? -1
                   : load_rewrite(snapshot, json_object_get(json, host_members[1]),
                                  REGEX_IGNORE_CASE, &rule->host_rewrite, err);
    if (strcmp(type, "url-rewrite") == 0)
        return reader_check(json, "a transform", url_members, err) < 0
                   ? -1
                   : load_rewrite(snapshot, json_object_get(json, url_members[1]), 0,
                                  &rule->url_rewrite, err);
    return err_set(err, "the transform type '%s' is not supported", type);
}

int transforms_load(struct snapshot *snapshot, const json_t *transforms, struct rule *rule,
                    struct err *err)
{
    size_t index;
    const json_t *json;
    if (transforms && !json_is_array(transforms))
        return err_set(err, "Transforms must be an array");
    json_array_foreach (transforms, index, json)
        if (load_transform(snapshot, json, rule, err) < 0)
            return err_wrap(err, "Transforms[%zu]", index);
    if (json_array_size(transforms) && rule->action.type != ACTION_FORWARD)
        return err_set(err, "Transforms are only supported with a forward action");
    return 0;
}

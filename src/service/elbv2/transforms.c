#include "service/elbv2/transforms.h"

#include "service/accept.h"
#include "service/doc.h"
#include "service/elbv2/resource.h"
#include "wire/rule_pattern.h"

#include <stdio.h>
#include <string.h>

static const struct kind {
    const char *type, *config;
} kinds[] = {
    {"host-header-rewrite", "HostHeaderRewriteConfig"},
    {"url-rewrite", "UrlRewriteConfig"},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

static int check_rewrites(const struct kind *kind, const json_t *config, struct err *err)
{
    const json_t *rewrites = json_object_get(config, "Rewrites");
    const json_t *rewrite = json_array_get(rewrites, 0);
    if (json_array_size(rewrites) != 1)
        return err_aws(err, "ValidationError",
                       "Exactly one rewrite must be specified in '%s' of a '%s' transform",
                       kind->config, kind->type);
    if (rule_check_rewrite(doc_text(rewrite, "Regex"), doc_text(rewrite, "Replace"), err) < 0)
        return elb_invalid(err);
    return 0;
}

/* Which kind a transform is, once it was checked; -1 and err if it is wrong. */
static int check_transform(const json_t *transform, struct err *err)
{
    for (int i = 0; i < KINDS; i++) {
        char members[64];
        if (!doc_is(transform, "Type", kinds[i].type))
            continue;
        snprintf(members, sizeof members, "Type %s", kinds[i].config);
        if (call_accept(transform, members, err) < 0 ||
            check_rewrites(&kinds[i], json_object_get(transform, kinds[i].config), err) < 0)
            return -1;
        return i;
    }
    return err_aws(err, "ValidationError", "The transform type '%.100s' is not valid",
                   doc_text(transform, "Type"));
}

json_t *elb_transforms(const json_t *transforms, struct err *err)
{
    json_auto_t *shown = json_array();
    bool seen[KINDS] = {false};
    size_t i;
    const json_t *transform;
    json_array_foreach (transforms, i, transform) {
        int kind = check_transform(transform, err);
        if (kind < 0)
            return NULL;
        if (seen[kind]) {
            err_aws(err, "ValidationError", "A rule can only have one '%s' transform",
                    kinds[kind].type);
            return NULL;
        }
        seen[kind] = true;
        json_array_append_new(shown,
                              json_pack("{s:s, s:O}", "Type", kinds[kind].type, kinds[kind].config,
                                        json_object_get(transform, kinds[kind].config)));
    }
    return json_incref(shown);
}

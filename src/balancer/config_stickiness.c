#include "balancer/config_stickiness.h"

#include "balancer/config_reader.h"
#include "os/random.h"
#include "wire/base64.h"

#include <stdlib.h>
#include <string.h>

enum { DURATION_MAX_S = 604800 };

/* Sessions outlive a document that is loaded again, but not the process. */
static const uint8_t *own_key(void)
{
    static uint8_t key[COOKIE_KEY_SIZE];
    static bool made;
    if (!made)
        random_bytes(key, sizeof key);
    made = true;
    return key;
}

int stickiness_load_key(const json_t *json, struct load_balancer *out, struct err *err)
{
    const char *text;
    if (reader_text(json, "CookieKey", 64, &text, err) < 0)
        return -1;
    if (!text) {
        memcpy(out->cookie_key, own_key(), sizeof out->cookie_key);
        return 0;
    }
    size_t size = 0;
    char *key = base64_decode(text, strlen(text), &size);
    bool sound = key && size == sizeof out->cookie_key;
    if (sound)
        memcpy(out->cookie_key, key, size);
    free(key);
    return sound ? 0 : err_set(err, "CookieKey must be 32 bytes in base64");
}

/* Between several groups, a session with a target needs one with its group. */
static int check_groups(const struct action *action, struct err *err)
{
    for (int i = 0; i < action->group_count && action->group_count > 1; i++) {
        const struct target_group *group = action->groups[i].group;
        if (group->attributes.stickiness == STICKINESS_APP_COOKIE)
            return err_set(err,
                           "the target group '%s' has app_cookie stickiness, which does not "
                           "go with several target groups",
                           group->key);
        if (group->attributes.stickiness && !action->stickiness_s)
            return err_set(err,
                           "the target group '%s' has stickiness, so the action needs a "
                           "TargetGroupStickinessConfig that is enabled",
                           group->key);
    }
    return 0;
}

int stickiness_load_action(const json_t *forward_config, struct action *out, struct err *err)
{
    static const char *const members[] = {"Enabled", "DurationSeconds", NULL};
    const json_t *config = json_object_get(forward_config, "TargetGroupStickinessConfig");
    bool enabled = false;
    int64_t duration_s = 0;
    if (config && !json_is_null(config) &&
        (reader_check(config, "TargetGroupStickinessConfig", members, err) < 0 ||
         reader_flag(config, "Enabled", &enabled, err) < 0 ||
         reader_integer(config, "DurationSeconds", 1, DURATION_MAX_S, 0, &duration_s, err) < 0))
        return -1;
    if (enabled && !duration_s)
        return err_set(err, "TargetGroupStickinessConfig needs DurationSeconds");
    out->stickiness_s = enabled ? duration_s : 0;
    return check_groups(out, err);
}

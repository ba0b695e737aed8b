#include "balancer/stickiness.h"

#include "balancer/cookie_seal.h"
#include "balancer/rewrite.h"
#include "wire/cookie.h"

#include <stdlib.h>
#include <string.h>

enum { KEPT_S = 7 * 86400 }; /* by clients: "Expires" of every cookie */

struct stickiness {
    const struct action *action; /* whose group is sticky; NULL: it is not */
    struct session groups;       /* AWSALBTG */
    struct session targets;      /* AWSALB or AWSALBAPP */
    bool same_site;              /* the client wants SameSite said of AWSALBAPP */
};

/* One family of cookies. */
struct cookie_kind {
    const char *name, *cors; /* two names for the same; NULL: there is one name only */
};

static const struct cookie_kind kinds[] = {
    [STICKINESS_OFF] = {"AWSALBTG", "AWSALBTGCORS"},
    [STICKINESS_LB_COOKIE] = {"AWSALB", "AWSALBCORS"},
    [STICKINESS_APP_COOKIE] = {"AWSALBAPP-0", NULL},
};
static const struct cookie_kind *const group_kind = &kinds[STICKINESS_OFF];

/* ---- requests ---- */

static bool is_named(struct slice name, const char *text)
{
    return name.size == strlen(text) && memcmp(name.data, text, name.size) == 0;
}

static bool is_cookie_header(const struct http1_header *header)
{
    return header->name.size == 6 && strncasecmp(header->name.data, "cookie", 6) == 0;
}

/* The value of the first cookie with this name. */
static bool find_cookie(const struct http1_head *head, const char *name, struct slice *value)
{
    struct cookie cookie;
    for (int i = 0; i < head->header_count; i++) {
        struct cookie_reader reader = {head->headers[i].value, 0};
        while (is_cookie_header(&head->headers[i]) && cookie_next(&reader, &cookie)) {
            if (is_named(cookie.name, name)) {
                *value = cookie.value;
                return true;
            }
        }
    }
    return false;
}

static struct cookie_owner owner_of(const struct exchange *exchange, const struct cookie_kind *kind)
{
    return (struct cookie_owner){exchange->load_balancer->cookie_key, exchange->load_balancer->name,
                                 kind->name};
}

/* Reads the cookie under either name. Returns whether one of them is ours. */
static bool read_session(struct exchange *exchange, const struct cookie_kind *kind,
                         struct session *out)
{
    struct worker *worker = exchange->worker;
    struct cookie_owner owner = owner_of(exchange, kind);
    const char *const names[] = {kind->name, kind->cors};
    for (int i = 0; i < 2 && names[i]; i++) {
        struct slice value;
        if (find_cookie(&worker->head, names[i], &value) &&
            cookie_open(&worker->sealer, &owner, value, worker_seconds(worker), out))
            return true;
    }
    out->count = 0;
    return false;
}

static struct stickiness *stickiness_of(struct exchange *exchange)
{
    if (!exchange->stickiness)
        exchange->stickiness = calloc(1, sizeof *exchange->stickiness);
    return exchange->stickiness;
}

const struct forward_group *stickiness_group(struct exchange *exchange, const struct action *action,
                                             bool *ret_invalid)
{
    struct stickiness *stickiness = action->stickiness_s ? stickiness_of(exchange) : NULL;
    struct slice value;
    *ret_invalid = false;
    if (!stickiness)
        return NULL;
    stickiness->action = action;
    if (!read_session(exchange, group_kind, &stickiness->groups))
        *ret_invalid = find_cookie(&exchange->worker->head, group_kind->name, &value) &&
                       memchr(value.data, '%', value.size);
    for (int i = 0; i < stickiness->groups.count; i++)
        for (int g = 0; g < action->group_count; g++)
            if (action->groups[g].group->session == stickiness->groups.entries[i].group)
                return &action->groups[g];
    return NULL;
}

/* An application's session needs both cookies. */
static void read_targets(struct exchange *exchange, struct stickiness *stickiness)
{
    const struct http1_head *head = &exchange->worker->head;
    const struct group_attributes *attributes = &exchange->group->attributes;
    struct slice value;
    if (attributes->stickiness == STICKINESS_APP_COOKIE) {
        if (head->known.user_agent >= 0)
            stickiness->same_site =
                cookie_agent_wants_same_site(head->headers[head->known.user_agent].value);
        if (!find_cookie(head, attributes->app_cookie, &value))
            return;
    }
    read_session(exchange, &kinds[attributes->stickiness], &stickiness->targets);
}

struct target *stickiness_target(struct exchange *exchange)
{
    if (exchange->group->attributes.stickiness == STICKINESS_OFF)
        return NULL;
    struct stickiness *stickiness = stickiness_of(exchange);
    const struct session_entry *entry = NULL;
    if (stickiness) {
        read_targets(exchange, stickiness);
        entry = session_find(&stickiness->targets, exchange->group->session);
    }
    struct target *target = entry ? pool_session_target(exchange->pool, entry->target) : NULL;
    if (!target)
        counter_add(&exchange->cell->threads[exchange->worker->index].non_sticky_requests, 1);
    return target;
}

/* ---- responses ---- */

/* `more`: what follows Path. */
static void write_cookie(struct writer *writer, const char *name, struct slice value,
                         const char *expires, struct slice more)
{
    write_literal(writer, "Set-Cookie: ");
    write_bytes(writer, name, strlen(name));
    write_literal(writer, "=");
    write_slice(writer, value);
    write_literal(writer, "; Expires=");
    write_bytes(writer, expires, strlen(expires));
    write_literal(writer, "; Path=/");
    write_slice(writer, more);
    write_literal(writer, "\r\n");
}

static void write_session(struct exchange *exchange, const struct cookie_kind *kind,
                          const struct session *session, struct writer *writer)
{
    static const struct slice nothing = {"", 0}, cross_site = {"; SameSite=None; Secure", 23};
    struct worker *worker = exchange->worker;
    struct cookie_owner owner = owner_of(exchange, kind);
    int64_t now_s = worker_seconds(worker);
    char text[SESSION_TEXT_SIZE], expires[30];
    size_t size = cookie_seal(&worker->sealer, &owner, session, now_s, text);
    struct slice value = {text, size};
    if (!size)
        return;
    http1_date(now_s + KEPT_S, expires);
    bool says_cross_site = !kind->cors && exchange->stickiness->same_site;
    write_cookie(writer, kind->name, value, expires, says_cross_site ? cross_site : nothing);
    if (kind->cors)
        write_cookie(writer, kind->cors, value, expires, cross_site);
}

static bool sets_app_cookie(const struct exchange *exchange)
{
    const struct http1_head *head = &exchange->worker->head;
    for (int i = 0; i < head->header_count; i++) {
        const struct http1_header *header = &head->headers[i];
        if (header->name.size == 10 && strncasecmp(header->name.data, "set-cookie", 10) == 0 &&
            cookie_sets(header->value, exchange->group->attributes.app_cookie))
            return true;
    }
    return false;
}

/* The group stays the one of this action; what other actions chose is kept. */
static void write_group(struct exchange *exchange, struct writer *writer)
{
    struct stickiness *stickiness = exchange->stickiness;
    const struct action *action = stickiness->action;
    for (int i = 0; i < action->group_count; i++)
        session_remove(&stickiness->groups, action->groups[i].group->session);
    session_set(&stickiness->groups,
                &(struct session_entry){
                    .group = exchange->group->session,
                    .expires_s = worker_seconds(exchange->worker) + action->stickiness_s,
                });
    write_session(exchange, group_kind, &stickiness->groups, writer);
}

/* An application's session begins when it sets its cookie, and goes on with each response. */
static void write_target(struct exchange *exchange, struct writer *writer)
{
    const struct group_attributes *attributes = &exchange->group->attributes;
    struct session *session = &exchange->stickiness->targets;
    uint64_t group = exchange->group->session;
    if (attributes->stickiness == STICKINESS_OFF ||
        (attributes->stickiness == STICKINESS_APP_COOKIE && !session_find(session, group) &&
         !sets_app_cookie(exchange)))
        return;
    int64_t expires_s = worker_seconds(exchange->worker) + attributes->stickiness_s;
    session_set(session, &(struct session_entry){group, exchange->target->session, expires_s});
    write_session(exchange, &kinds[attributes->stickiness], session, writer);
}

void stickiness_write(struct exchange *exchange, struct writer *writer)
{
    if (!exchange->stickiness)
        return;
    write_target(exchange, writer);
    if (exchange->stickiness->action)
        write_group(exchange, writer);
}

void stickiness_end(struct exchange *exchange)
{
    free(exchange->stickiness);
    exchange->stickiness = NULL;
}

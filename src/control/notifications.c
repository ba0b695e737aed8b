/*
 * The notifications controller: what was published is taken to its subscribers. HTTP is spoken by
 * the guest process, which may be away or lose what it has: what it did not report is sent again.
 * Mail is a file. A delivery stays in the store until it is done or given up.
 */
#include "base/cleanup.h"
#include "control/control_impl.h"
#include "control/mail_file.h"
#include "control/scan.h"
#include "service/acm/authority.h"
#include "service/doc.h"
#include "service/sns/delivery.h"
#include "service/sns/measure.h"
#include "service/sns/subscription.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FLIGHTS_MAX = 64,       /* deliveries that the guest process has */
    FLIGHTS_OF_ONE_MAX = 4, /* of them for one subscription: a slow one must not keep the others */
};

/* A delivery that is on its way. */
struct flight {
    char id[DELIVERY_ID_SIZE]; /* "": free */
    char region[32];
    char subscription[512];
};

struct notifications_control {
    struct flight flights[FLIGHTS_MAX];
};

static struct flight *find_flight(struct control *control, const char *id)
{
    struct flight *flights = control->notifications->flights;
    for (int i = 0; i < FLIGHTS_MAX; i++)
        if (!strcmp(flights[i].id, id))
            return &flights[i];
    return NULL;
}

static int count_flights(const struct control *control, const char *subscription)
{
    const struct flight *flights = control->notifications->flights;
    int count = 0;
    for (int i = 0; i < FLIGHTS_MAX; i++)
        count += *flights[i].id && !strcmp(flights[i].subscription, subscription);
    return count;
}

/* ---- HTTP ---- */

static void write_headers(const json_t *delivery, struct buf *out)
{
    buf_printf(out,
               "x-amz-sns-message-type: %s\r\nx-amz-sns-message-id: %s\r\n"
               "x-amz-sns-topic-arn: %s\r\n",
               doc_text(delivery, "Type"), doc_text(delivery, "MessageId"),
               doc_text(delivery, "TopicArn"));
    if (!doc_is(delivery, "Type", "SubscriptionConfirmation"))
        buf_printf(out, "x-amz-sns-subscription-arn: %s\r\n",
                   doc_text(delivery, "SubscriptionArn"));
    if (doc_flag(delivery, "_raw"))
        buf_append_string(out, "x-amz-sns-rawdelivery: true\r\n");
    buf_printf(out, "Content-Type: %s\r\nUser-Agent: Amazon Simple Notification Service Agent\r\n",
               doc_text(delivery, "_content_type"));
}

/* Made already: who signs messages has its certificate from it. */
static const char *authority_of(struct control *control)
{
    struct err err;
    auto_txn *txn = txn_begin(control->store);
    struct call call = control_call(control, txn, "");
    return doc_text(acm_authority(&call, &err), "_certificate");
}

static void send_by_http(struct control *control, struct flight *flight, const char *region,
                         const struct store_cursor *cursor)
{
    struct message_delivery message = {0};
    auto_buf headers = {0};
    write_headers(cursor->doc, &headers);
    json_auto_t *order =
        json_pack("{s:O, s:s, s:O, s:s}", "Url", json_object_get(cursor->doc, "Endpoint"),
                  "Headers", headers.data, "Body", json_object_get(cursor->doc, "_body"),
                  "Authority", authority_of(control));
    auto_free char *text = json_dumps(order, JSON_COMPACT);
    if (!text)
        return;
    snprintf(message.id, sizeof message.id, "%s", cursor->id);
    snprintf(flight->id, sizeof flight->id, "%s", cursor->id);
    snprintf(flight->region, sizeof flight->region, "%s", region);
    snprintf(flight->subscription, sizeof flight->subscription, "%s",
             doc_text(cursor->doc, "SubscriptionArn"));
    control->world->send(control->world->arg, MESSAGE_DELIVER, &message, sizeof message, text,
                         strlen(text));
}

/* ---- what came of it ---- */

/* One change of the store for each answer. */
static void settle(struct control *control, const char *region, const char *id,
                   enum delivery_outcome outcome, const char *why)
{
    struct err err;
    auto_txn *txn = txn_begin(control->store);
    struct call call = control_call(control, txn, region);
    const json_t *delivery = store_get(control->store, delivery_kind, region, id);
    if (!delivery) /* of a topic or a subscription that was deleted meanwhile */
        return;
    char what[640];
    snprintf(what, sizeof what, "message to %s is given up", doc_text(delivery, "Endpoint"));
    bool is_message = doc_is(delivery, "Type", "Notification");
    json_auto_t *topic = json_incref(json_object_get(delivery, "TopicArn"));
    bool goes_on = outcome == DELIVERY_AGAIN && delivery_retry(&call, id);
    if (!goes_on && is_message)
        sns_measure(&call, json_string_value(topic),
                    outcome == DELIVERY_DONE ? SNS_DELIVERED : SNS_FAILED, 1);
    if (!goes_on)
        txn_delete(txn, delivery_kind, region, id);
    if (!goes_on && outcome != DELIVERY_DONE) {
        err_set(&err, "%s", why);
        err.code[0] = 0;
        control_log(control, what, &err);
    }
    if (txn_commit(txn, &err) < 0)
        control_log(control, "cannot write deliveries", &err);
    txn = NULL;
}

static void receive(struct control *control, enum message_type type, const void *payload,
                    size_t size)
{
    struct message_delivered delivered;
    if (type != MESSAGE_DELIVERED || size < sizeof delivered)
        return;
    memcpy(&delivered, payload, sizeof delivered);
    delivered.id[sizeof delivered.id - 1] = delivered.text[sizeof delivered.text - 1] = 0;
    struct flight *flight = *delivered.id ? find_flight(control, delivered.id) : NULL;
    if (!flight)
        return;
    char region[sizeof flight->region], why[300];
    memcpy(region, flight->region, sizeof region);
    *flight = (struct flight){0};
    if (delivered.status)
        snprintf(why, sizeof why, "it answered %u", delivered.status);
    else
        snprintf(why, sizeof why, "%s", delivered.text);
    settle(control, region, delivered.id, delivery_outcome((int)delivered.status), why);
}

/* ---- mail ---- */

static void send_by_mail(struct control *control, const char *region,
                         const struct store_cursor *cursor)
{
    struct err err = {0};
    char id[DELIVERY_ID_SIZE];
    bool done =
        mail_file_write(control->world->mail_dir, cursor->doc, control_now(control), &err) == 0;
    snprintf(id, sizeof id, "%s", cursor->id);
    settle(control, region, id, done ? DELIVERY_DONE : DELIVERY_AGAIN, err.text);
}

/* ---- the controller ---- */

/* The next delivery that is due and may go; whether there was one. */
static bool send_next(struct control *control, const char *region)
{
    int64_t now_ms = control_now(control);
    store_each (cursor, control->store, delivery_kind, region) {
        int64_t due_ms = doc_number(cursor.doc, "_due_ms");
        bool is_mail = subscription_is_mail(cursor.doc);
        if (due_ms > now_ms) {
            control_wake_at(control, due_ms);
            continue;
        }
        if (find_flight(control, cursor.id))
            continue;
        struct flight *flight = find_flight(control, "");
        if (is_mail) {
            send_by_mail(control, region, &cursor);
            return true;
        }
        if (!flight ||
            count_flights(control, doc_text(cursor.doc, "SubscriptionArn")) >= FLIGHTS_OF_ONE_MAX)
            continue;
        send_by_http(control, flight, region, &cursor);
    }
    return false;
}

static void forget_subscriptions(struct control *control, const char *region)
{
    struct err err;
    int64_t due_ms;
    auto_txn *txn = txn_begin(control->store);
    struct call call = control_call(control, txn, region);
    subscriptions_forget(&call, &due_ms);
    control_wake_at(control, due_ms);
    if (!txn_dirty(txn))
        return;
    if (txn_commit(txn, &err) < 0)
        control_log(control, "cannot forget subscriptions", &err);
    txn = NULL;
}

static void run(struct control *control)
{
    size_t i;
    const json_t *region;
    json_auto_t *subscribed = scan_regions(control->store, subscription_kind);
    json_array_foreach (subscribed, i, region)
        forget_subscriptions(control, json_string_value(region));
    json_auto_t *regions = scan_regions(control->store, delivery_kind);
    json_array_foreach (regions, i, region)
        while (send_next(control, json_string_value(region)))
            continue;
}

static int create(struct control *control, struct err *err)
{
    control->notifications = calloc(1, sizeof *control->notifications);
    return control->notifications ? 0 : err_set(err, "out of memory");
}

static void destroy(struct control *control)
{
    free(control->notifications);
}

/* A guest that was started anew has nothing of what the former one had. */
static void peer_started(struct control *control, enum process process)
{
    if (process == PROCESS_GUEST)
        memset(control->notifications, 0, sizeof *control->notifications);
}

const struct controller notifications_controller = {
    .name = "notifications",
    .create = create,
    .destroy = destroy,
    .receive = receive,
    .peer_started = peer_started,
    .run = run,
};

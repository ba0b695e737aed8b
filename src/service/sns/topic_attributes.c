/* The attributes of topics: what clients may set, and what they are shown. */
#include "base/cleanup.h"
#include "service/doc.h"
#include "service/sns/delivery_policy.h"
#include "service/sns/subscription.h"
#include "service/sns/topic.h"

#include <stdio.h>
#include <string.h>

enum { DISPLAY_NAME_MAX = 100, POLICY_SIZE_MAX = 30720 };

/* ---- what may be set ---- */

static int check_display_name(const char *value, struct err *err)
{
    size_t characters = 0;
    for (const char *at = value; *at; at++) {
        characters += ((unsigned char)*at & 0xc0) != 0x80;
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            return err_aws(err, "InvalidParameter", "Invalid parameter: DisplayName");
    }
    if (characters > DISPLAY_NAME_MAX)
        return err_aws(err, "InvalidParameter", "Invalid parameter: DisplayName");
    return 0;
}

static bool is_statement(const json_t *statement)
{
    bool effect = doc_is(statement, "Effect", "Allow") || doc_is(statement, "Effect", "Deny");
    return effect &&
           (json_object_get(statement, "Action") || json_object_get(statement, "NotAction"));
}

static bool has_statements(const json_t *policy)
{
    const json_t *statements = json_object_get(policy, "Statement"), *statement;
    size_t i;
    if (json_is_object(statements))
        return is_statement(statements);
    json_array_foreach (statements, i, statement)
        if (!is_statement(statement))
            return false;
    return json_array_size(statements) > 0;
}

/* Kept and shown: there is one account, whose root may do everything. */
static int check_policy(const char *value, struct err *err)
{
    json_auto_t *policy =
        strlen(value) <= POLICY_SIZE_MAX ? json_loads(value, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (!json_is_object(policy) || !has_statements(policy))
        return err_aws(err, "InvalidParameter", "Invalid parameter: Policy Error: null");
    return 0;
}

static int check_delivery_policy(const char *value, struct err *err)
{
    struct delivery_policy policy;
    return *value ? delivery_policy_read_topic(value, &policy, err) : 0;
}

static int check_signature_version(const char *value, struct err *err)
{
    if (strcmp(value, "1") != 0 && strcmp(value, "2") != 0)
        return err_aws(err, "InvalidParameter", "Invalid parameter: SignatureVersion");
    return 0;
}

/* What can only be as it is: `value` asks for nothing else. */
static int check_only(const char *name, const char *value, const char *only, struct err *err)
{
    if (!*value || !strcmp(value, only))
        return 0;
    return err_aws(err, "InvalidParameter",
                   "Invalid parameter: %s Reason: '%.100s' is not supported by Pileus yet", name,
                   value);
}

static const struct row {
    const char *name;
    int (*check)(const char *value, struct err *err); /* NULL: only this value */
    const char *only;
} rows[] = {
    {"DisplayName", check_display_name, NULL},
    {"Policy", check_policy, NULL},
    {"DeliveryPolicy", check_delivery_policy, NULL},
    {"SignatureVersion", check_signature_version, NULL},
    {"TracingConfig", NULL, "PassThrough"},
    {"KmsMasterKeyId", NULL, ""},
    {"FifoTopic", NULL, "false"},
    {"ContentBasedDeduplication", NULL, "false"},
    {"ArchivePolicy", NULL, ""},
    {"FifoThroughputScope", NULL, ""},
};

static bool is_feedback(const char *name)
{
    return strstr(name, "SuccessFeedback") || strstr(name, "FailureFeedback");
}

int topic_attribute_check(const char *name, const char *value, const char *what, struct err *err)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!strcmp(rows[i].name, name))
            return rows[i].check ? rows[i].check(value, err)
                                 : check_only(name, value, rows[i].only, err);
    if (is_feedback(name))
        return check_only(name, value, "", err);
    return err_aws(err, "InvalidParameter", "Invalid parameter: %s", what);
}

/* ---- what is shown ---- */

/* The policy that AWS gives a topic: its owner may do everything with it. */
static json_t *default_policy(const struct call *call, const char *arn)
{
    json_auto_t *policy = json_pack(
        "{s:s, s:s, s:[{s:s, s:s, s:{s:s}, s:[s, s, s, s, s, s, s, s], s:s, s:{s:{s:s}}}]}",
        "Version", "2008-10-17", "Id", "__default_policy_ID", "Statement", "Sid",
        "__default_statement_ID", "Effect", "Allow", "Principal", "AWS", "*", "Action",
        "SNS:GetTopicAttributes", "SNS:SetTopicAttributes", "SNS:AddPermission",
        "SNS:RemovePermission", "SNS:DeleteTopic", "SNS:Subscribe", "SNS:ListSubscriptionsByTopic",
        "SNS:Publish", "Resource", arn, "Condition", "StringEquals", "AWS:SourceOwner",
        call->account);
    auto_free char *text = json_dumps(policy, JSON_COMPACT);
    return json_string(text);
}

static json_t *effective_policy(const json_t *topic)
{
    struct delivery_policy policy;
    delivery_policy_of(topic, NULL, &policy);
    json_auto_t *shown = json_pack(
        "{s:{s:o, s:b, s:{s:s}}}", "http", "defaultHealthyRetryPolicy",
        delivery_policy_show_retries(&policy), "disableSubscriptionOverrides", policy.is_final,
        "defaultRequestPolicy", "headerContentType", policy.content_type);
    auto_free char *text = json_dumps(shown, JSON_COMPACT);
    return json_string(text);
}

static json_t *count_text(int count)
{
    char text[16];
    snprintf(text, sizeof text, "%d", count);
    return json_string(text);
}

json_t *topic_attributes_show(const struct call *call, const json_t *topic)
{
    const char *arn = doc_text(topic, "TopicArn");
    json_t *shown =
        json_pack("{s:s, s:s, s:s}", "TopicArn", arn, "Owner", call->account, "DisplayName", "");
    json_object_set_new(shown, "Policy", default_policy(call, arn));
    json_object_set_new(shown, "EffectiveDeliveryPolicy", effective_policy(topic));
    struct subscription_counts counts = subscriptions_count(call, arn);
    json_object_set_new(shown, "SubscriptionsConfirmed", count_text(counts.confirmed));
    json_object_set_new(shown, "SubscriptionsPending", count_text(counts.pending));
    json_object_set_new(shown, "SubscriptionsDeleted", count_text(counts.removed));
    json_object_update(shown, json_object_get(topic, "_attributes"));
    return shown;
}

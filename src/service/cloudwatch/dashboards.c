/* Dashboards: stored and checked; who draws them is a client. Kind `dashboard`, of no region. */
#include "service/accept.h"
#include "service/cloudwatch/operations.h"
#include "service/doc.h"
#include "service/page.h"

#include <ctype.h>
#include <string.h>

enum {
    DASHBOARDS_MAX = 5000,
    NAME_MAX_SIZE = 255,
    BODY_MAX_SIZE = 1024 * 1024,
    WIDGETS_MAX = 500,
    COLUMNS = 24,
    HEIGHT_MAX = 1000,
};

static const char kind[] = "dashboard";
static const char no_region[] = ""; /* the same dashboards in every region, as on AWS */

static bool is_name(const char *name)
{
    size_t size = strlen(name);
    for (size_t i = 0; i < size; i++)
        if (!isalnum((unsigned char)name[i]) && name[i] != '-' && name[i] != '_')
            return false;
    return size > 0 && size <= NAME_MAX_SIZE;
}

/* ---- what a body says ---- */

static void add_message(json_t *messages, const char *path, size_t widget, const char *message)
{
    json_array_append_new(messages, json_pack("{s:o, s:s}", "DataPath",
                                              json_sprintf("/widgets/%zu/%s", widget, path),
                                              "Message", message));
}

static bool is_between(const json_t *value, json_int_t low, json_int_t high)
{
    return !value || (json_is_integer(value) && json_integer_value(value) >= low &&
                      json_integer_value(value) <= high);
}

/* What is wrong with a widget is told, and does not keep the dashboard from being stored. */
static void check_widget(const json_t *widget, size_t place, json_t *messages)
{
    static const char *const types[] = {"metric", "text", "log", "alarm", "explorer", "custom"};
    static const struct {
        const char *name;
        json_int_t low, high;
    } numbers[] = {{"x", 0, COLUMNS - 1},
                   {"y", 0, INT32_MAX},
                   {"width", 1, COLUMNS},
                   {"height", 1, HEIGHT_MAX}};
    bool is_known = false;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        is_known |= doc_is(widget, "type", types[i]);
    if (!is_known)
        add_message(messages, "type", place,
                    "Should be one of metric, text, log, alarm, explorer, custom");
    if (!json_is_object(json_object_get(widget, "properties")))
        add_message(messages, "properties", place, "Should have required property 'properties'");
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!is_between(json_object_get(widget, numbers[i].name), numbers[i].low, numbers[i].high))
            add_message(messages, numbers[i].name, place, "Should be a number in its range");
}

/* Fails if the body is no dashboard at all; a list of messages otherwise. */
static json_t *check_body(const char *text, struct err *err)
{
    json_auto_t *body = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const json_t *widgets = json_object_get(body, "widgets");
    size_t i;
    const json_t *widget;
    if (strlen(text) > BODY_MAX_SIZE || !json_is_object(body) || !json_is_array(widgets) ||
        json_array_size(widgets) > WIDGETS_MAX) {
        err_aws(err, "InvalidParameterInput",
                "The field DashboardBody must be a valid JSON object with an array 'widgets' of at "
                "most %d",
                WIDGETS_MAX);
        return NULL;
    }
    json_t *messages = json_array();
    json_array_foreach (widgets, i, widget)
        check_widget(widget, i, messages);
    return messages;
}

/* ---- operations ---- */

int cloudwatch_PutDashboard(struct call *call, struct err *err)
{
    const char *name = doc_text(call->in, "DashboardName");
    const char *body = doc_text(call->in, "DashboardBody");
    if (call_accept(call->in, "DashboardName DashboardBody", err) < 0)
        return -1;
    if (!is_name(name))
        return err_aws(err, "InvalidParameterInput",
                       "The field DashboardName can have letters, digits, - and _, at most %d",
                       NAME_MAX_SIZE);
    if (!store_get(call->store, kind, no_region, name) &&
        store_count(call->store, kind, no_region) >= DASHBOARDS_MAX)
        return err_aws(err, "InvalidParameterInput", "There are already %d dashboards",
                       DASHBOARDS_MAX);
    json_t *messages = check_body(body, err);
    if (!messages)
        return -1;
    txn_put(call->txn, kind, no_region, name,
            json_pack("{s:s, s:o, s:o, s:I, s:s}", "DashboardName", name, "DashboardArn",
                      json_sprintf("arn:aws:cloudwatch::%s:dashboard/%s", call->account, name),
                      "LastModified", call_now(call), "Size", (json_int_t)strlen(body), "_body",
                      body));
    return json_object_set_new(call->out, "DashboardValidationMessages", messages);
}

int cloudwatch_GetDashboard(struct call *call, struct err *err)
{
    const char *name = doc_text(call->in, "DashboardName");
    const json_t *dashboard = store_get(call->store, kind, no_region, name);
    if (!dashboard)
        return err_aws(err, "ResourceNotFound", "Dashboard %.255s does not exist", name);
    json_object_set(call->out, "DashboardArn", json_object_get(dashboard, "DashboardArn"));
    json_object_set(call->out, "DashboardBody", json_object_get(dashboard, "_body"));
    return json_object_set(call->out, "DashboardName", json_object_get(dashboard, "DashboardName"));
}

int cloudwatch_ListDashboards(struct call *call, struct err *err)
{
    static const struct paging paging = {NULL, "NextToken", "NextToken", "InvalidParameterValue",
                                         1000};
    const char *prefix = doc_text(call->in, "DashboardNamePrefix");
    json_auto_t *found = json_array();
    store_each (cursor, call->store, kind, no_region)
        if (!strncmp(cursor.id, prefix, strlen(prefix)))
            json_array_append(found, (json_t *)cursor.doc);
    return call_page(call, &paging, found, "DashboardEntries", err);
}

/* All of them or, if one does not exist, none. */
int cloudwatch_DeleteDashboards(struct call *call, struct err *err)
{
    const json_t *names = json_object_get(call->in, "DashboardNames");
    size_t i;
    const json_t *name;
    json_array_foreach (names, i, name)
        if (!store_get(call->store, kind, no_region, json_string_value(name)))
            return err_aws(err, "ResourceNotFound", "Dashboard %.255s does not exist",
                           json_string_value(name));
    json_array_foreach (names, i, name)
        txn_delete(call->txn, kind, no_region, json_string_value(name));
    return 0;
}

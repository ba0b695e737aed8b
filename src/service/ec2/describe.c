#include "service/ec2/describe.h"

#include "service/ec2/ids.h"
#include "service/page.h"

enum { RESULTS_MIN = 5, RESULTS_MAX = 1000 };

/* Ids of the request must be well-formed, whether or not anything has them. */
static int check_selectors(const struct call *call, const struct ec2_describe *describe,
                           struct err *err)
{
    for (int s = 0; s < EC2_SELECTORS_MAX && describe->selectors[s].member; s++) {
        const struct ec2_selector *selector = &describe->selectors[s];
        const json_t *list = json_object_get(call->in, selector->member);
        size_t i;
        const json_t *item;
        json_array_foreach (list, i, item)
            if (ec2_id_check(selector->kind, json_string_value(item), err) < 0)
                return -1;
        if (json_array_size(list) > 0 && json_object_get(call->in, "MaxResults"))
            return err_aws(err, "InvalidParameterCombination",
                           "The parameter %s cannot be used with the parameter MaxResults",
                           selector->member);
    }
    return 0;
}

/* Whether the document is among those that the selectors name (all, if they name none). */
static bool is_selected(const struct call *call, const struct ec2_describe *describe,
                        const json_t *doc)
{
    for (int s = 0; s < EC2_SELECTORS_MAX && describe->selectors[s].member; s++) {
        const struct ec2_selector *selector = &describe->selectors[s];
        const json_t *list = json_object_get(call->in, selector->member);
        bool found = json_array_size(list) == 0;
        size_t i;
        const json_t *item;
        json_array_foreach (list, i, item)
            found = found || ec2_path_has(doc, selector->path, json_string_value(item));
        if (!found)
            return false;
    }
    return true;
}

/* Everything that a selector names must exist; `all` is what is visible of the kind. */
static int check_found(const struct call *call, const struct ec2_describe *describe,
                       const json_t *all, struct err *err)
{
    for (int s = 0; s < EC2_SELECTORS_MAX && describe->selectors[s].member; s++) {
        const struct ec2_selector *selector = &describe->selectors[s];
        size_t i, k;
        const json_t *item, *doc;
        json_array_foreach (json_object_get(call->in, selector->member), i, item) {
            bool found = false;
            json_array_foreach (all, k, doc)
                found = found || ec2_path_has(doc, selector->path, json_string_value(item));
            if (!found)
                return ec2_id_not_found(selector->kind, json_string_value(item), err);
        }
    }
    return 0;
}

/* The document that the request names by the key it is kept by, if it names one only; or NULL. */
static const json_t *find_only(const struct call *call, const struct ec2_describe *describe)
{
    const struct ec2_selector *selector = &describe->selectors[0];
    const json_t *list = selector->member ? json_object_get(call->in, selector->member) : NULL;
    const char *key = json_string_value(json_array_get(list, 0));
    if (json_array_size(list) != 1 || !key)
        return NULL;
    const json_t *doc = store_get(call->store, describe->kind, call->region, key);
    return doc && ec2_path_has(doc, selector->path, key) ? doc : NULL;
}

static void add_selected(const struct call *call, const struct ec2_describe *describe,
                         const json_t *doc, json_t *named)
{
    json_auto_t *shown =
        describe->show ? describe->show(call, doc) : json_incref((json_t *)(uintptr_t)doc);
    if (shown && is_selected(call, describe, shown))
        json_array_append(named, shown);
}

json_t *ec2_select(struct call *call, const struct ec2_describe *describe, struct err *err)
{
    const json_t *filters =
        json_object_get(call->in, describe->filters_in ? describe->filters_in : "Filters");
    if (check_selectors(call, describe, err) < 0 ||
        ec2_filters_check(filters, describe->filters, err) < 0)
        return NULL;
    json_auto_t *named = json_array();
    const json_t *only = find_only(call, describe);
    if (only)
        add_selected(call, describe, only, named);
    else
        store_each (cursor, call->store, describe->kind, call->region)
            add_selected(call, describe, cursor.doc, named);
    if (check_found(call, describe, named, err) < 0)
        return NULL;
    json_t *matching = json_array();
    size_t i;
    json_t *doc;
    json_array_foreach (named, i, doc)
        if (ec2_filters_match(filters, describe->filters, doc))
            json_array_append(matching, doc);
    return matching;
}

int ec2_paginate(struct call *call, const struct ec2_describe *describe, const json_t *all,
                 struct err *err)
{
    static const struct paging paging = {
        .size_in = "MaxResults",
        .token_in = "NextToken",
        .token_out = "NextToken",
        .invalid_token_code = "InvalidNextToken",
    };
    const json_t *wanted = json_object_get(call->in, "MaxResults");
    json_int_t size = json_integer_value(wanted);
    json_int_t least = describe->results_min ? describe->results_min : RESULTS_MIN;
    json_int_t most = describe->results_max ? describe->results_max : RESULTS_MAX;
    if (wanted && (size < least || size > most))
        return err_aws(err, "InvalidParameterValue",
                       "Value ( %lld ) for parameter maxResults is invalid. Expecting a value "
                       "between %lld and %lld.",
                       (long long)size, (long long)least, (long long)most);
    return call_page(call, &paging, all, describe->list, err);
}

int ec2_describe(struct call *call, const struct ec2_describe *describe, struct err *err)
{
    json_auto_t *all = ec2_select(call, describe, err);
    return all ? ec2_paginate(call, describe, all, err) : -1;
}

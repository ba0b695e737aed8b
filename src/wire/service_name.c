#include "wire/service_name.h"

#include <string.h>

static bool cut_suffix(struct slice *name, const char *suffix)
{
    size_t size = strlen(suffix);
    if (name->size <= size || memcmp(name->data + name->size - size, suffix, size) != 0)
        return false;
    name->size -= size;
    return true;
}

/* "ap-south-1": words of letters, then a digit. */
static bool is_region(struct slice label)
{
    size_t hyphens = 0;
    for (size_t i = 0; i + 1 < label.size; i++) {
        bool is_letter = label.data[i] >= 'a' && label.data[i] <= 'z';
        bool is_hyphen = label.data[i] == '-' && i > 0 && label.data[i - 1] != '-';
        if (!is_letter && !is_hyphen)
            return false;
        hyphens += is_hyphen;
    }
    return hyphens >= 2 && label.data[label.size - 2] == '-' && label.data[label.size - 1] >= '0' &&
           label.data[label.size - 1] <= '9';
}

bool service_name_parse(struct slice name, struct service_name *ret)
{
    static const char *const endpoints[] = {".vpce.amazonaws.com", ".vpce.amazonaws.com.cn"};
    static const char *const domains[] = {".amazonaws.com", ".amazonaws.com.cn", ".api.aws"};
    bool found = false;

    *ret = (struct service_name){0};
    for (size_t i = 0; i < sizeof(endpoints) / sizeof(*endpoints); i++)
        ret->is_endpoint |= cut_suffix(&name, endpoints[i]);
    found = ret->is_endpoint;
    for (size_t i = 0; !found && i < sizeof(domains) / sizeof(*domains); i++)
        found = cut_suffix(&name, domains[i]);
    if (!found)
        return false;
    const char *dot = memrchr(name.data, '.', name.size);
    const char *last = dot ? dot + 1 : name.data;
    struct slice label = {last, name.size - (size_t)(last - name.data)};
    ret->labels = name;
    if (!dot || !is_region(label))
        return !ret->is_endpoint && !is_region(label);
    ret->region = label;
    ret->labels.size = (size_t)(dot - name.data);
    return ret->labels.size > 0;
}

bool service_name_is_of(const struct service_name *name, const char *service)
{
    size_t size = strlen(service);
    struct slice labels = name->labels;
    if (labels.size < size || memcmp(labels.data + labels.size - size, service, size) != 0)
        return false;
    return labels.size == size || labels.data[labels.size - size - 1] == '.';
}

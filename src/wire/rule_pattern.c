#include "wire/rule_pattern.h"

#include "wire/regex.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const struct rule_field_kind rule_field_kinds[RULE_FIELDS] = {
    [RULE_HOST] = {.name = "host-header",
                   .config = "HostHeaderConfig",
                   .plain = true,
                   .wildcards = true,
                   .regex = true,
                   .nocase = true},
    [RULE_PATH] = {.name = "path-pattern",
                   .config = "PathPatternConfig",
                   .plain = true,
                   .wildcards = true,
                   .regex = true},
    [RULE_HEADER] = {.name = "http-header",
                     .config = "HttpHeaderConfig",
                     .wildcards = true,
                     .regex = true,
                     .nocase = true,
                     .repeats = true},
    [RULE_METHOD] = {.name = "http-request-method", .config = "HttpRequestMethodConfig"},
    [RULE_QUERY] = {.name = "query-string",
                    .config = "QueryStringConfig",
                    .wildcards = true,
                    .nocase = true,
                    .repeats = true},
    [RULE_SOURCE] = {.name = "source-ip", .config = "SourceIpConfig"},
};

int rule_field_find(const char *name)
{
    for (int i = 0; i < RULE_FIELDS; i++)
        if (strcmp(rule_field_kinds[i].name, name) == 0)
            return i;
    return -1;
}

/* ---- conditions ---- */

static bool is_letter(char byte)
{
    return (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* Letters, digits, and what a kind's values may have besides. NULL: all visible ASCII. */
static const char *const more_characters[RULE_FIELDS] = {
    [RULE_HOST] = "-._*?",
    [RULE_PATH] = "_-.$/~\"'@:+&*?",
};

static bool is_visible(const char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            return false;
    return true;
}

static bool is_method(const char *text)
{
    return text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_")] == 0;
}

static bool has_allowed_characters(enum rule_field field, const char *value)
{
    const char *more = more_characters[field];
    if (field == RULE_METHOD)
        return is_method(value);
    for (const char *at = value; more && *at; at++)
        if (!is_letter(*at) && !is_digit(*at) && !strchr(more, *at))
            return false;
    return is_visible(value);
}

/* At least one dot, and only letters, or wildcards, behind the last one. */
static bool is_host_pattern(const char *value)
{
    const char *dot = strrchr(value, '.');
    for (const char *at = dot ? dot + 1 : ""; *at; at++)
        if (!is_letter(*at) && *at != '*' && *at != '?')
            return false;
    return dot;
}

int rule_count_condition(enum rule_field field, struct rule_totals *totals, struct err *err)
{
    const struct rule_field_kind *kind = &rule_field_kinds[field];
    if (totals->conditions[field]++ && !kind->repeats)
        return err_set(err, "A rule can only have one '%s' condition", kind->name);
    return 0;
}

static int check_size(const char *value, size_t size_max, struct err *err)
{
    if (!*value)
        return err_set(err, "A condition value must be specified");
    if (strlen(value) > size_max)
        return err_set(err, "Condition value '%s' cannot be longer than '%zu' characters", value,
                       size_max);
    return 0;
}

int rule_check_value(enum rule_field field, const char *value, struct err *err)
{
    struct rule_block block;
    if (field == RULE_SOURCE)
        return rule_parse_block(value, &block, err);
    if (check_size(value, field == RULE_METHOD ? RULE_NAME_SIZE_MAX : RULE_VALUE_SIZE_MAX, err) < 0)
        return -1;
    if (!has_allowed_characters(field, value))
        return err_set(err, "Condition value '%s' contains a character that is not valid", value);
    if (field == RULE_HOST && !is_host_pattern(value))
        return err_set(err,
                       "Condition value '%s' must contain at least one '.', and only letters "
                       "after the last one",
                       value);
    return 0;
}

static int add_values(int values, int wildcards, struct rule_totals *totals, struct err *err)
{
    totals->values += values;
    totals->wildcards += wildcards;
    if (totals->values > RULE_VALUES_MAX)
        return err_set(err, "A rule can only have '%d' condition values", RULE_VALUES_MAX);
    if (totals->wildcards > RULE_WILDCARDS_MAX)
        return err_set(err, "A rule can only have '%d' condition wildcards", RULE_WILDCARDS_MAX);
    return 0;
}

/* In a query-string condition, a wildcard behind a backslash is none. */
static int count_wildcards(enum rule_field field, const char *value)
{
    int count = 0;
    if (!rule_field_kinds[field].wildcards)
        return 0;
    for (const char *at = value; *at; at++) {
        if (field == RULE_QUERY && *at == '\\' && at[1])
            at++;
        else
            count += *at == '*' || *at == '?';
    }
    return count;
}

int rule_count_value(enum rule_field field, const char *value, struct rule_totals *totals,
                     struct err *err)
{
    return add_values(1, count_wildcards(field, value), totals, err);
}

int rule_check_pair(const char *key, const char *value, struct rule_totals *totals, struct err *err)
{
    bool keyed = key && *key;
    if (rule_check_value(RULE_QUERY, value, err) < 0 ||
        (keyed && rule_check_value(RULE_QUERY, key, err) < 0))
        return -1;
    int wildcards = count_wildcards(RULE_QUERY, value);
    return add_values(1, wildcards + (keyed ? count_wildcards(RULE_QUERY, key) : 0), totals, err);
}

/* Whether it is one, too: it is compiled, and forgotten. */
static int check_regex(const char *text, int *groups, struct err *err)
{
    struct regex *regex = regex_compile(text, strlen(text), 0, err);
    if (!regex)
        return err_wrap(err, "The regular expression '%.200s' is not valid", text);
    *groups = regex_groups(regex);
    regex_free(regex);
    return 0;
}

int rule_check_regex(enum rule_field field, const char *regex, struct rule_totals *totals,
                     struct err *err)
{
    int groups;
    if (!rule_field_kinds[field].regex)
        return err_set(err, "RegexValues cannot be specified for a '%s' condition",
                       rule_field_kinds[field].name);
    if (check_size(regex, RULE_VALUE_SIZE_MAX, err) < 0)
        return -1;
    if (!is_visible(regex))
        return err_set(err, "Condition value '%s' contains a character that is not valid", regex);
    return check_regex(regex, &groups, err) < 0 ? -1 : add_values(1, 0, totals, err);
}

int rule_check_header_name(const char *name, struct err *err)
{
    if (!*name)
        return err_set(err, "An HTTP header name must be specified for 'http-header' conditions");
    if (strlen(name) > RULE_NAME_SIZE_MAX)
        return err_set(err, "HTTP header name '%s' cannot be longer than '%d' characters", name,
                       RULE_NAME_SIZE_MAX);
    for (const char *at = name; *at; at++)
        if (!is_letter(*at) && !is_digit(*at) && !strchr("!#$%&'*+-.^_`|~", *at))
            return err_set(err, "HTTP header name '%s' contains a character that is not valid",
                           name);
    if (strcasecmp(name, "host") == 0)
        return err_set(err, "The HTTP header name cannot be 'host': use a 'host-header' condition");
    return 0;
}

int rule_parse_block(const char *text, struct rule_block *out, struct err *err)
{
    char address[INET6_ADDRSTRLEN] = "", *end = NULL;
    const char *slash = strchr(text, '/');
    long prefix = slash && is_digit(slash[1]) ? strtol(slash + 1, &end, 10) : -1;
    if (!slash || prefix < 0 || *end || (size_t)(slash - text) >= sizeof address)
        return err_set(err, "The CIDR block '%.100s' is not valid", text);
    memcpy(address, text, (size_t)(slash - text));
    *out = (struct rule_block){.address = {[10] = 0xff, [11] = 0xff}, .prefix = (int)prefix + 96};
    bool valid = inet_pton(AF_INET, address, out->address + 12) == 1 && prefix <= 32;
    if (!valid) {
        valid = inet_pton(AF_INET6, address, out->address) == 1 && prefix <= 128;
        out->prefix = (int)prefix;
    }
    if (!valid || strcmp(text, "255.255.255.255/32") == 0)
        return err_set(err, "The CIDR block '%.100s' is not valid", text);
    return 0;
}

/* ---- actions and transforms ---- */

int rule_check_rewrite(const char *regex, const char *replace, struct err *err)
{
    int groups = 0;
    if (!*regex)
        return err_set(err, "A regular expression must be specified for a rewrite");
    if (strlen(regex) > RULE_REWRITE_SIZE_MAX || strlen(replace) > RULE_REWRITE_SIZE_MAX)
        return err_set(err, "Regex and Replace of a rewrite cannot be longer than '%d' characters",
                       RULE_REWRITE_SIZE_MAX);
    if (!is_visible(regex) || !is_visible(replace))
        return err_set(err, "A rewrite contains a character that is not valid");
    if (check_regex(regex, &groups, err) < 0)
        return -1;
    for (const char *at = replace; *at; at++)
        if (*at == '$' && is_digit(at[1]) && at[1] - '0' > groups)
            return err_set(err,
                           "The replacement '%.200s' names the group $%c, which '%.200s' "
                           "does not have",
                           replace, at[1], regex);
    return 0;
}

int rule_check_version(const char *protocol_version, bool https, struct err *err)
{
    if (https || strcmp(protocol_version, "HTTP1") == 0)
        return 0;
    return err_set(err,
                   "Listener protocol 'HTTP' is not supported with a target group with the "
                   "protocol-version '%s'",
                   protocol_version);
}

/* Every #{...} in a part of a redirect is one that AWS allows there. */
static int check_placeholders(const char *part, const char *text, const char *const *allowed,
                              struct err *err)
{
    for (const char *at = text; (at = strstr(at, "#{")); at += 2) {
        bool known = false;
        for (int i = 0; allowed[i]; i++)
            known |= strncmp(at, allowed[i], strlen(allowed[i])) == 0;
        if (!known)
            return err_set(err, "The redirect %s '%s' has a reserved keyword that is not valid",
                           part, text);
    }
    return 0;
}

static int check_part(const char *part, const char *text, const char *const *allowed,
                      struct err *err)
{
    if (!text)
        return 0;
    if (strlen(text) > RULE_REDIRECT_SIZE_MAX)
        return err_set(err, "The redirect %s cannot be longer than '%d' characters", part,
                       RULE_REDIRECT_SIZE_MAX);
    if (!is_visible(text) || strchr(text, ' '))
        return err_set(err, "The redirect %s contains a character that is not valid", part);
    return check_placeholders(part, text, allowed, err);
}

static bool is_port(const char *text)
{
    char *end;
    long number = is_digit(*text) ? strtol(text, &end, 10) : 0;
    return number >= 1 && number <= 65535 && !*end;
}

static bool is_same(const char *text, const char *unchanged)
{
    return !text || strcmp(text, unchanged) == 0;
}

int rule_check_redirect(const struct rule_redirect *redirect, bool https, struct err *err)
{
    static const char *const in_host[] = {"#{host}", NULL};
    static const char *const in_path[] = {"#{host}", "#{path}", "#{port}", NULL};
    static const char *const in_query[] = {"#{host}",     "#{path}",  "#{port}",
                                           "#{protocol}", "#{query}", NULL};
    const char *protocol = redirect->protocol ? redirect->protocol : "#{protocol}";
    const char *port = redirect->port ? redirect->port : "#{port}";
    if (strcmp(protocol, "HTTP") != 0 && strcmp(protocol, "HTTPS") != 0 &&
        strcmp(protocol, "#{protocol}") != 0)
        return err_set(err,
                       "The redirect protocol '%.100s' must be 'HTTP', 'HTTPS' or "
                       "'#{protocol}'",
                       protocol);
    if (https && strcmp(protocol, "HTTP") == 0)
        return err_set(err, "You cannot redirect HTTPS to HTTP");
    if (strcmp(port, "#{port}") != 0 && !is_port(port))
        return err_set(err,
                       "The redirect port '%.100s' must be '#{port}' or between '1' and "
                       "'65535'",
                       port);
    if (check_part("host", redirect->host, in_host, err) < 0 ||
        check_part("path", redirect->path, in_path, err) < 0 ||
        check_part("query", redirect->query, in_query, err) < 0)
        return -1;
    if (redirect->host && !*redirect->host)
        return err_set(err, "The redirect host cannot be empty");
    if (redirect->path && redirect->path[0] != '/')
        return err_set(err, "The redirect path must begin with '/'");
    if (redirect->query && redirect->query[0] == '?')
        return err_set(err, "The redirect query must not begin with '?'");
    if (is_same(redirect->protocol, "#{protocol}") && is_same(redirect->host, "#{host}") &&
        is_same(redirect->port, "#{port}") && is_same(redirect->path, "/#{path}"))
        return err_set(err, "The redirect configuration is not valid because it creates a loop.");
    return 0;
}

int rule_check_fixed_response(const char *status, const char *content_type, const char *body,
                              struct err *err)
{
    static const char *const types[] = {"text/plain", "text/css", "text/html",
                                        "application/javascript", "application/json"};
    if (!*status || !strchr("245", status[0]) || !is_digit(status[1]) || !is_digit(status[2]) ||
        status[3])
        return err_set(err, "The status code '%.100s' must be 2XX, 4XX or 5XX", status);
    bool known = !content_type || !*content_type;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        known |= content_type && strcmp(content_type, types[i]) == 0;
    if (!known)
        return err_set(err, "The content type '%.100s' is not valid", content_type);
    if (body && strlen(body) > RULE_MESSAGE_SIZE_MAX)
        return err_set(err, "The message body cannot be longer than '%d' characters",
                       RULE_MESSAGE_SIZE_MAX);
    return 0;
}

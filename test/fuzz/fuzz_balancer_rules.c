#include "balancer/snapshot.h"
#include "balancer/transforms.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FORWARD  "'Actions': [{'Type': 'forward', 'TargetGroupName': 'app'}]"
#define REWRITES "'Rewrites': [{'Regex': '^(.)(.*?)/(.*)$', 'Replace': '$3/$1$2$0'}]"

/* Every kind of condition, and both transforms. */
static const char document[] =
    "{'TargetGroups': [{'TargetGroupName': 'app', 'Protocol': 'HTTP'}], 'Listeners': [{"
    "'Protocol': 'HTTP', 'Address': '127.0.0.1', 'Port': 80, 'DefaultActions': [{'Type': 'forward',"
    "'TargetGroupName': 'app'}], 'Rules': ["
    "{'Priority': 1, 'Conditions': [{'Field': 'http-header', 'HttpHeaderConfig': "
    "{'HttpHeaderName': "
    "'X', 'Values': ['*a?b*']}}, {'Field': 'query-string', 'QueryStringConfig': {'Values': "
    "[{'Key': "
    "'k*', 'Value': '?\\\\*'}]}}], " FORWARD "},"
    "{'Priority': 2, 'Conditions': [{'Field': 'host-header', 'HostHeaderConfig': {'RegexValues': "
    "['^(a|b)+\\\\.c', '\\\\bx']}}, {'Field': 'source-ip', 'SourceIpConfig': {'Values': "
    "['0.0.0.0/1']}}], " FORWARD "},"
    "{'Priority': 3, 'Conditions': [{'Field': 'http-request-method', 'HttpRequestMethodConfig': "
    "{'Values': ['PUT']}}, {'Field': 'path-pattern', 'PathPatternConfig': {'Values': ['/a*']}}], "
    "" FORWARD "},"
    "{'Priority': 4, 'Conditions': [{'Field': 'path-pattern', 'PathPatternConfig': {'Values': "
    "['*']}}], 'Transforms': [{'Type': 'url-rewrite', 'UrlRewriteConfig': {" REWRITES
    "}}, {'Type': "
    "'host-header-rewrite', 'HostHeaderRewriteConfig': {" REWRITES "}}], " FORWARD "}]}]}";

static struct snapshot *load(void)
{
    static struct traffic_table traffic;
    static struct target_table targets;
    static struct tls_store tls;
    char text[sizeof document];
    struct err err = {0};
    memcpy(text, document, sizeof text);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = text[i] == '\'' ? '"' : text[i];
    traffic_table_init(&traffic, 1);
    target_table_init(&targets, 1);
    tls_store_init(&tls, 1);
    struct snapshot *snapshot =
        snapshot_load(text, sizeof text - 1, &traffic, &targets, &tls, &err);
    assert(snapshot);
    return snapshot;
}

/* Any request that can be parsed meets a rule, or the default; what transforms make is sound. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct snapshot *snapshot;
    static struct http1_head head;
    static struct regex_scratch scratch;
    static char rewritten[HTTP1_LINE_SIZE_MAX + 512];
    if (!snapshot)
        snapshot = load();
    if (http1_parse_request((const char *)data, size, 0, &head) <= 0)
        return 0;
    struct target_parts parts = split_target(head.target);
    size_t host_size = head.known.host < 0 ? 0 : head.headers[head.known.host].value.size;
    char *room = malloc(head.target.size + host_size + parts.host.size + 1);
    struct request_facts facts = {.scratch = &scratch};
    rules_facts(&facts, &head, &parts, 0x7f000001, room);
    const struct rule *rule = rules_choose(&snapshot->load_balancers[0].listeners[0], &facts);
    struct writer out = {rewritten, rewritten + sizeof rewritten, false};
    struct transformed made;
    if (rule && transform_request(rule, &facts, &out, &made) == TRANSFORM_DONE) {
        assert(!made.url.size || made.url.data[0] == '/');
        assert(!made.host.size || !memchr(made.host.data, '\n', made.host.size));
    }
    free(room);
    return 0;
}

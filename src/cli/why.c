#include "cli/why.h"

#include "cli/target.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REACHABLE, NOT_REACHABLE, FAILED };

const char why_usage[] =
    "why SOURCE DESTINATION PORT [--protocol tcp|udp|icmp|NUMBER]\n"
    "       [--source-port PORT] [--region REGION] [--json]\n\n"
    "SOURCE and DESTINATION: an instance, network interface, NAT gateway or VPC endpoint by its\n"
    "id, a load balancer by its name or ARN, an IPv4 address, the name of an AWS service, or\n"
    "`internet`, which is this host.\n"
    "PORT: of icmp type[:code], 8 if absent. Exit status: 0 reachable, 1 not, 2 bad question.";

struct request {
    const char *region;
    bool as_json;
    json_t *question;
};

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text ? text : "";
}

/* ---- the question ---- */

/* Takes one option, which may have a value; returns how many words it took, -1 if it is unknown. */
static int take_option(struct request *request, int argc, char **argv)
{
    static const char *const members[][2] = {{"--protocol", "Protocol"},
                                             {"--source-port", "SourcePort"}};
    if (!strcmp(argv[0], "--json")) {
        request->as_json = true;
        return 1;
    }
    if (argc < 2)
        return -1;
    if (!strcmp(argv[0], "--region")) {
        request->region = argv[1];
        return 2;
    }
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (!strcmp(argv[0], members[i][0])) {
            json_object_set_new(request->question, members[i][1], json_string(argv[1]));
            return 2;
        }
    return -1;
}

static int take_words(struct request *request, int argc, char **argv)
{
    static const char *const members[] = {"Source", "Destination", "Port"};
    size_t count = 0;
    for (int i = 0; i < argc;) {
        int taken = 1;
        if (!strncmp(argv[i], "--", 2))
            taken = take_option(request, argc - i, argv + i);
        else if (count < sizeof members / sizeof *members)
            json_object_set_new(request->question, members[count++], json_string(argv[i]));
        else
            return -1;
        if (taken < 0)
            return -1;
        i += taken;
    }
    return count < 2 ? -1 : 0;
}

/* ---- the answer ---- */

/* Load balancers by the end of their ARN, which says their name. */
static const char *shown_id(const json_t *component)
{
    const char *id = text_of(component, "Id");
    const char *path = !strncmp(id, "arn:", 4) ? strstr(id, "loadbalancer/") : NULL;
    return path ? path + strlen("loadbalancer/") : id;
}

static int widest(const json_t *answer, const char *(*column)(const json_t *hop))
{
    static const char *const ways[] = {"Forward", "Return"};
    int most = 0;
    for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
        size_t i;
        const json_t *hop;
        json_array_foreach (json_object_get(answer, ways[way]), i, hop) {
            int width = (int)strlen(column(hop));
            most = width > most ? width : most;
        }
    }
    return most;
}

static const char *id_column(const json_t *hop)
{
    return shown_id(json_object_get(hop, "Component"));
}

static const char *name_column(const json_t *hop)
{
    return text_of(json_object_get(hop, "Component"), "Name");
}

static const char *direction_column(const json_t *hop)
{
    const char *direction = text_of(hop, "Direction");
    if (!*direction)
        return "";
    return strcmp(direction, "egress") ? "in" : "out";
}

static void print_way(const json_t *answer, const char *member, const char *title)
{
    int id_width = widest(answer, id_column), name_width = widest(answer, name_column);
    size_t i;
    const json_t *hop;
    json_array_foreach (json_object_get(answer, member), i, hop) {
        bool allowed = json_is_true(json_object_get(hop, "Allowed"));
        printf("%-6s %s %-*s  ", i ? "" : title, allowed ? " " : "X", id_width, id_column(hop));
        if (name_width)
            printf("%-*s  ", name_width, name_column(hop));
        printf("%-3s  %s\n", direction_column(hop), text_of(hop, "Text"));
    }
}

/* In another region than that of the environment, a command must say so wherever it runs aws. */
static void print_command(const char *command, const char *region)
{
    static const char program[] = "aws ";
    const char *next;
    printf("    ");
    while (region && (next = strstr(command, program))) {
        next += strlen(program);
        printf("%.*s--region %s ", (int)(next - command), command, region);
        command = next;
    }
    printf("%s\n", command);
}

static void print_explanations(const json_t *answer, const char *region)
{
    size_t i;
    const json_t *explanation;
    json_array_foreach (json_object_get(answer, "Explanations"), i, explanation) {
        const char *change = text_of(explanation, "Change");
        bool is_back = !strcmp(text_of(explanation, "Way"), "return");
        printf("  %s%s: %s (%s)\n", id_column(explanation), is_back ? ", on the way back" : "",
               text_of(explanation, "Text"), text_of(explanation, "ExplanationCode"));
        if (*change)
            print_command(change, region);
    }
}

static void print_end(const json_t *end)
{
    const char *id = shown_id(end), *address = text_of(end, "Address");
    printf(strcmp(id, address) ? "%s (%s)" : "%s", id, address);
}

static void print_answer(const json_t *answer, const char *region)
{
    size_t i;
    const json_t *assumption;
    printf("%s %s from ", text_of(answer, "Protocol"), text_of(answer, "Port"));
    print_end(json_object_get(answer, "Source"));
    printf(" to ");
    print_end(json_object_get(answer, "Destination"));
    printf("\n\n");
    print_way(answer, "Forward", "there");
    print_way(answer, "Return", "back");
    putchar('\n');
    if (json_array_size(json_object_get(answer, "Assumptions"))) {
        printf("Assuming that:\n");
        json_array_foreach (json_object_get(answer, "Assumptions"), i, assumption)
            printf("  %s\n", json_string_value(assumption));
    }
    if (json_is_true(json_object_get(answer, "Reachable"))) {
        printf("Reachable.\n");
        return;
    }
    printf("Not reachable:\n");
    print_explanations(answer, region);
}

/* ---- the command ---- */

static int ask(const struct request *request, const struct record *record)
{
    struct err err;
    char path[128];
    snprintf(path, sizeof path, "/_pileus/reach/%.64s", request->region);
    json_auto_t *answer = target_ask(record, path, request->question, &err);
    if (!answer) {
        fprintf(stderr, "pileus: %s\n", err.text);
        return FAILED;
    }
    if (request->as_json) {
        json_dumpf(answer, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        print_answer(answer, strcmp(request->region, target_region()) ? request->region : NULL);
    }
    return json_is_true(json_object_get(answer, "Reachable")) ? REACHABLE : NOT_REACHABLE;
}

int why_main(int argc, char **argv)
{
    struct record record;
    struct err err;
    const char *data_dir = target_data_dir(&argc, argv, &err);
    struct request request = {.region = target_region(), .question = json_object()};
    int result = FAILED;
    if (take_words(&request, argc, argv) < 0)
        fprintf(stderr, "Usage: pileus %s\n", why_usage);
    else if (!data_dir || target_find(data_dir, &record, &err) < 0)
        fprintf(stderr, "pileus: %s\n", err.text);
    else
        result = ask(&request, &record);
    json_decref(request.question);
    return result;
}

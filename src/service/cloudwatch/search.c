#include "service/cloudwatch/search.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TEXT_MAX = 1024, DEPTH_MAX = 16 };

enum node_kind { NODE_TERM, NODE_NOT, NODE_AND, NODE_OR };

struct node {
    enum node_kind kind;
    char *name;  /* of a term: what must have the value; NULL: anything */
    char *value; /* of a term */
    bool is_exact;
    struct node *left, *right;
};

struct search {
    char *schema[1 + SERIES_DIMENSIONS_MAX]; /* namespace, dimensions */
    size_t schema_count;                     /* 0: any */
    struct node *root;                       /* NULL: everything that fits the schema */
};

struct parser {
    const char *next;
    int depth;
    struct err *err;
};

static struct node *parse_or(struct parser *parser);

static void node_free(struct node *node)
{
    if (!node)
        return;
    node_free(node->left);
    node_free(node->right);
    free(node->name);
    free(node->value);
    free(node);
}

static struct node *fail(struct parser *parser, struct node *node, const char *what)
{
    if (what)
        err_aws(parser->err, "ValidationError", "Invalid syntax for search expression: %s.", what);
    node_free(node);
    return NULL;
}

static void skip_space(struct parser *parser)
{
    while (isspace((unsigned char)*parser->next))
        parser->next++;
}

/* The next word as it is, or what stands in quotes. NULL: neither, or memory ran out. */
static char *take_word(struct parser *parser, bool *ret_quoted)
{
    skip_space(parser);
    *ret_quoted = *parser->next == '"';
    const char *begin = parser->next + *ret_quoted;
    size_t size = strcspn(begin, *ret_quoted ? "\"" : " \t\n\"'=(){},");
    if (!size || (*ret_quoted && !begin[size]))
        return NULL;
    parser->next = begin + size + *ret_quoted;
    return strndup(begin, size);
}

static bool take_char(struct parser *parser, char wanted)
{
    skip_space(parser);
    if (*parser->next != wanted)
        return false;
    parser->next++;
    return true;
}

/* Operators are in upper case. */
static bool take_operator(struct parser *parser, const char *operator)
{
    size_t size = strlen(operator);
    skip_space(parser);
    if (strncmp(parser->next, operator, size) || !strchr(" \t\n(\"", parser->next[size]))
        return false;
    parser->next += size;
    return true;
}

static struct node *parse_term(struct parser *parser)
{
    struct node *term = calloc(1, sizeof *term);
    if (!term)
        return fail(parser, NULL, "out of memory");
    term->value = take_word(parser, &term->is_exact);
    if (!term->value)
        return fail(parser, term, "a word is missing");
    if (!term->is_exact && take_char(parser, '=')) {
        term->name = term->value;
        term->value = take_word(parser, &term->is_exact);
        if (!term->value)
            return fail(parser, term, "a value is missing");
    }
    return term;
}

static struct node *parse_not(struct parser *parser)
{
    if (++parser->depth > DEPTH_MAX)
        return fail(parser, NULL, "too many brackets");
    struct node *node;
    if (take_operator(parser, "NOT")) {
        node = calloc(1, sizeof *node);
        if (!node)
            return fail(parser, NULL, "out of memory");
        node->kind = NODE_NOT;
        node->left = parse_not(parser);
        if (!node->left)
            return fail(parser, node, NULL);
    } else if (take_char(parser, '(')) {
        node = parse_or(parser);
        if (node && !take_char(parser, ')'))
            return fail(parser, node, "a bracket is missing");
    } else {
        node = parse_term(parser);
    }
    parser->depth--;
    return node;
}

/* Takes both operands over. */
static struct node *join(struct parser *parser, enum node_kind kind, struct node *left,
                         struct node *right)
{
    struct node *node = right ? calloc(1, sizeof *node) : NULL;
    if (!node) {
        node_free(right);
        return fail(parser, left, right ? "out of memory" : NULL);
    }
    *node = (struct node){.kind = kind, .left = left, .right = right};
    return node;
}

static bool ends_and(struct parser *parser)
{
    const char *next;
    skip_space(parser);
    next = parser->next;
    if (!*next || *next == ')')
        return true;
    bool is_or = take_operator(parser, "OR");
    parser->next = next;
    return is_or;
}

static struct node *parse_and(struct parser *parser)
{
    struct node *left = parse_not(parser);
    while (left && !ends_and(parser)) {
        take_operator(parser, "AND");
        left = join(parser, NODE_AND, left, parse_not(parser));
    }
    return left;
}

static struct node *parse_or(struct parser *parser)
{
    struct node *left = parse_and(parser);
    while (left && take_operator(parser, "OR"))
        left = join(parser, NODE_OR, left, parse_and(parser));
    return left;
}

static int parse_schema(struct parser *parser, struct search *search)
{
    bool quoted;
    do {
        if (search->schema_count == sizeof search->schema / sizeof *search->schema)
            return err_aws(parser->err, "ValidationError", "The search names too many dimensions.");
        char *word = take_word(parser, &quoted);
        if (!word)
            return err_aws(
                parser->err, "ValidationError",
                "Invalid syntax for search expression: a name is missing in the schema.");
        search->schema[search->schema_count++] = word;
    } while (take_char(parser, ','));
    return take_char(parser, '}')
               ? 0
               : err_aws(parser->err, "ValidationError",
                         "Invalid syntax for search expression: the schema has no end.");
}

struct search *search_parse(const char *text, struct err *err)
{
    struct parser parser = {.next = text, .err = err};
    struct search *search = calloc(1, sizeof *search);
    if (!search || strlen(text) > TEXT_MAX) {
        err_aws(err, "ValidationError", "The search has more than %d characters.", TEXT_MAX);
        search_free(search);
        return NULL;
    }
    bool is_good = !take_char(&parser, '{') || parse_schema(&parser, search) == 0;
    skip_space(&parser);
    if (is_good && *parser.next) {
        search->root = parse_or(&parser);
        skip_space(&parser);
        is_good = search->root && !*parser.next;
        if (search->root && *parser.next)
            fail(&parser, NULL, "unexpected text");
    } else if (is_good && !search->schema_count) {
        is_good = fail(&parser, NULL, "it is empty") != NULL;
    }
    if (is_good)
        return search;
    search_free(search);
    return NULL;
}

void search_free(struct search *search)
{
    if (!search)
        return;
    for (size_t i = 0; i < search->schema_count; i++)
        free(search->schema[i]);
    node_free(search->root);
    free(search);
}

/* ---- finding ---- */

static bool value_fits(const struct node *term, const char *value)
{
    return term->is_exact ? !strcmp(value, term->value) : strcasestr(value, term->value) != NULL;
}

static bool term_finds(const struct node *term, const struct series_key *key)
{
    const char *name = term->name;
    if ((!name || !strcasecmp(name, "Namespace")) && value_fits(term, key->namespace))
        return true;
    if ((!name || !strcasecmp(name, "MetricName")) && value_fits(term, key->metric))
        return true;
    for (size_t i = 0; i < key->dimension_count; i++) {
        const struct series_dimension *dimension = &key->dimensions[i];
        if (name ? !strcmp(name, dimension->name) && value_fits(term, dimension->value)
                 : value_fits(term, dimension->value) || value_fits(term, dimension->name))
            return true;
    }
    return false;
}

static bool node_finds(const struct node *node, const struct series_key *key)
{
    switch (node->kind) {
    case NODE_TERM:
        return term_finds(node, key);
    case NODE_NOT:
        return !node_finds(node->left, key);
    case NODE_AND:
        return node_finds(node->left, key) && node_finds(node->right, key);
    case NODE_OR:
        return node_finds(node->left, key) || node_finds(node->right, key);
    }
    return false;
}

static bool has_dimension(const struct series_key *key, const char *name)
{
    for (size_t i = 0; i < key->dimension_count; i++)
        if (!strcmp(key->dimensions[i].name, name))
            return true;
    return false;
}

bool search_finds(const struct search *search, const struct series_key *key)
{
    if (search->schema_count) {
        if (strcmp(search->schema[0], key->namespace) ||
            search->schema_count - 1 != key->dimension_count)
            return false;
        for (size_t i = 1; i < search->schema_count; i++)
            if (!has_dimension(key, search->schema[i]))
                return false;
    }
    return !search->root || node_finds(search->root, key);
}

#include "service/cloudwatch/expression.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct parser {
    const char *text, *next;
    int depth;
    struct err *err;
};

static struct expression *parse_or(struct parser *parser);

void expression_free(struct expression *expression)
{
    if (!expression)
        return;
    for (size_t i = 0; i < expression->part_count; i++)
        expression_free(expression->parts[i]);
    free(expression->parts);
    free(expression->text);
    free(expression);
}

/* Frees what has been parsed so far. Returns NULL; the first error is the one that is told. */
static struct expression *fail(struct parser *parser, struct expression *parsed, const char *what)
{
    if (what)
        err_set(parser->err, "%s at character %d", what, (int)(parser->next - parser->text) + 1);
    expression_free(parsed);
    return NULL;
}

static struct expression *make(struct parser *parser, enum expression_kind kind, const char *text,
                               size_t size)
{
    struct expression *made = calloc(1, sizeof *made);
    if (!made || !(made->text = strndup(text, size)))
        return fail(parser, made, "out of memory");
    made->kind = kind;
    return made;
}

/* Takes `part` over, also on failure, which it is when `part` is NULL. */
static bool add_part(struct parser *parser, struct expression *whole, struct expression *part)
{
    if (!part)
        return false;
    struct expression **grown =
        realloc(whole->parts, (whole->part_count + 1) * sizeof *whole->parts);
    if (!grown) {
        fail(parser, part, "out of memory");
        return false;
    }
    whole->parts = grown;
    whole->parts[whole->part_count++] = part;
    return true;
}

static void skip_space(struct parser *parser)
{
    while (isspace((unsigned char)*parser->next))
        parser->next++;
}

static size_t word_size(const char *text)
{
    size_t size = 0;
    while (isalnum((unsigned char)text[size]) || text[size] == '_')
        size++;
    return size;
}

/* Takes `token` if it comes next; a token of letters only as a whole word. */
static bool take(struct parser *parser, const char *token)
{
    size_t size = strlen(token);
    skip_space(parser);
    if (strncasecmp(parser->next, token, size) ||
        (isalpha((unsigned char)*token) && word_size(parser->next) != size))
        return false;
    parser->next += size;
    return true;
}

/* ---- primaries ---- */

static struct expression *parse_number(struct parser *parser)
{
    char *end;
    double number = strtod(parser->next, &end);
    struct expression *made = make(parser, EXPRESSION_NUMBER, "", 0);
    if (made)
        made->number = number;
    parser->next = end;
    return made;
}

/* Text ends at the quote that it began with; nothing in it is special. */
static struct expression *parse_text(struct parser *parser)
{
    const char *begin = parser->next + 1;
    const char *end = strchr(begin, *parser->next);
    if (!end)
        return fail(parser, NULL, "a quotation mark is missing");
    parser->next = end + 1;
    return make(parser, EXPRESSION_TEXT, begin, (size_t)(end - begin));
}

/* What stands between brackets, separated by commas, up to `close`. */
static struct expression *parse_list(struct parser *parser, struct expression *list,
                                     const char *close)
{
    if (!list || take(parser, close))
        return list;
    do {
        if (!add_part(parser, list, parse_or(parser)))
            return fail(parser, list, NULL);
    } while (take(parser, ","));
    if (!take(parser, close))
        return fail(parser, list, "a bracket is missing");
    return list;
}

static struct expression *parse_word(struct parser *parser)
{
    size_t size = word_size(parser->next);
    bool is_id = islower((unsigned char)*parser->next);
    struct expression *word = make(parser, EXPRESSION_ID, parser->next, size);
    if (!word)
        return NULL;
    parser->next += size;
    bool is_call = take(parser, "(");
    if (is_call || !is_id) {
        word->kind = is_call ? EXPRESSION_CALL : EXPRESSION_WORD;
        for (char *c = word->text; *c; c++)
            *c = (char)toupper((unsigned char)*c);
    }
    return is_call ? parse_list(parser, word, ")") : word;
}

static struct expression *parse_primary(struct parser *parser)
{
    skip_space(parser);
    unsigned char next = (unsigned char)*parser->next;
    if (take(parser, "(")) {
        struct expression *inner = parse_or(parser);
        if (inner && !take(parser, ")"))
            return fail(parser, inner, "a bracket is missing");
        return inner;
    }
    if (take(parser, "["))
        return parse_list(parser, make(parser, EXPRESSION_LIST, "", 0), "]");
    if (next == '\'' || next == '"')
        return parse_text(parser);
    if (isdigit(next) || (next == '.' && isdigit((unsigned char)parser->next[1])))
        return parse_number(parser);
    if (isalpha(next))
        return parse_word(parser);
    return fail(parser, NULL, next ? "unexpected text" : "unexpected end");
}

/* ---- operators ---- */

/* Makes `left` the first operand of an operator. Takes it over. */
static struct expression *make_operator(struct parser *parser, enum expression_operator operator,
                                        struct expression * left)
{
    struct expression *made = make(parser, EXPRESSION_OPERATOR, "", 0);
    if (!made)
        return fail(parser, left, NULL);
    made->operator= operator;
    if (left && !add_part(parser, made, left))
        return fail(parser, made, NULL);
    return made;
}

static struct expression *with_operand(struct parser *parser, struct expression *operator,
                                       struct expression * operand)
{
    if (!operator)
        return fail(parser, operand, NULL);
    return add_part(parser, operator, operand) ? operator: fail(parser, operator, NULL);
}

/* Every way into a deeper level of brackets, signs and powers leads through here. */
static struct expression *parse_signed(struct parser *parser)
{
    struct expression *parsed;
    if (++parser->depth > EXPRESSION_DEPTH_MAX)
        return fail(parser, NULL, "too many brackets within brackets");
    if (take(parser, "-")) {
        parsed = make_operator(parser, OPERATOR_NEGATE, NULL);
        parsed = parsed ? with_operand(parser, parsed, parse_signed(parser)) : NULL;
    } else if (strncmp(parser->next, "!=", 2) && take(parser, "!")) {
        parsed = make_operator(parser, OPERATOR_NOT, NULL);
        parsed = parsed ? with_operand(parser, parsed, parse_signed(parser)) : NULL;
    } else {
        parsed = parse_primary(parser);
        if (parsed && take(parser, "^")) {
            parsed = make_operator(parser, OPERATOR_POWER, parsed);
            parsed = parsed ? with_operand(parser, parsed, parse_signed(parser)) : NULL;
        }
    }
    parser->depth--;
    return parsed;
}

struct level {
    const char *tokens[6]; /* the longer ones first; NULL ends them */
    enum expression_operator operators[6];
};

/* From those that bind least to those that bind most. */
static const struct level levels[] = {
    {{"OR", "||"}, {OPERATOR_OR, OPERATOR_OR}},
    {{"AND", "&&"}, {OPERATOR_AND, OPERATOR_AND}},
    {{"==", "!=", "<=", ">=", "<", ">"},
     {OPERATOR_EQUAL, OPERATOR_NOT_EQUAL, OPERATOR_LESS_OR_EQUAL, OPERATOR_GREATER_OR_EQUAL,
      OPERATOR_LESS, OPERATOR_GREATER}},
    {{"+", "-"}, {OPERATOR_ADD, OPERATOR_SUBTRACT}},
    {{"*", "/"}, {OPERATOR_MULTIPLY, OPERATOR_DIVIDE}},
};
enum { LEVELS = sizeof levels / sizeof *levels };

static int take_operator(struct parser *parser, const struct level *level)
{
    for (size_t i = 0; i < sizeof level->tokens / sizeof *level->tokens && level->tokens[i]; i++)
        if (take(parser, level->tokens[i]))
            return (int)level->operators[i];
    return -1;
}

static struct expression *parse_level(struct parser *parser, size_t number)
{
    int operator;
    if (number == LEVELS)
        return parse_signed(parser);
    struct expression *left = parse_level(parser, number + 1);
    while (left && (operator= take_operator(parser, &levels[number])) >= 0) {
        left = make_operator(parser, (enum expression_operator) operator, left);
        left = left ? with_operand(parser, left, parse_level(parser, number + 1)) : NULL;
    }
    return left;
}

static struct expression *parse_or(struct parser *parser)
{
    return parse_level(parser, 0);
}

struct expression *expression_parse(const char *text, struct err *err)
{
    struct parser parser = {.text = text, .next = text, .err = err};
    if (strlen(text) > EXPRESSION_SIZE_MAX) {
        err_set(err, "it has more than %d characters", EXPRESSION_SIZE_MAX);
        return NULL;
    }
    struct expression *parsed = parse_or(&parser);
    skip_space(&parser);
    if (parsed && *parser.next)
        return fail(&parser, parsed, "unexpected text");
    return parsed;
}

int expression_each_id(const struct expression *expression, int (*visit)(void *arg, const char *id),
                       void *arg)
{
    if (expression->kind == EXPRESSION_ID)
        return visit(arg, expression->text);
    for (size_t i = 0; i < expression->part_count; i++) {
        int result = expression_each_id(expression->parts[i], visit, arg);
        if (result < 0)
            return result;
    }
    return 0;
}

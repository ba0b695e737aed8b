/*
 * Metric math as text: an expression of GetMetricData or of an alarm, parsed. Pure.
 *
 *     or      := and  (("OR"  | "||") and)*
 *     and     := compared (("AND" | "&&") compared)*
 *     compared:= sum  (("==" | "!=" | "<" | "<=" | ">" | ">=") sum)*
 *     sum     := term (("+" | "-") term)*
 *     term    := signed (("*" | "/") signed)*
 *     signed  := ("-" | "!") signed | power
 *     power   := primary ["^" signed]
 *     primary := number | 'text' | "text" | id | NAME "(" list ")" | "(" or ")" | "[" list "]"
 *
 * Amazon CloudWatch User Guide, "Using math expressions with CloudWatch metrics". Names of
 * functions are read in any case; ids of queries begin with a lower-case letter.
 */
#pragma once

#include "base/err.h"

#include <stddef.h>

enum expression_kind {
    EXPRESSION_NUMBER,
    EXPRESSION_TEXT,
    EXPRESSION_ID,   /* of another query */
    EXPRESSION_WORD, /* a keyword such as REPEAT or DESC, in upper case */
    EXPRESSION_LIST,
    EXPRESSION_CALL,     /* a function, its name in upper case */
    EXPRESSION_OPERATOR, /* one or two operands */
};

enum expression_operator {
    OPERATOR_OR,
    OPERATOR_AND,
    OPERATOR_EQUAL,
    OPERATOR_NOT_EQUAL,
    OPERATOR_LESS_OR_EQUAL,
    OPERATOR_GREATER_OR_EQUAL,
    OPERATOR_LESS,
    OPERATOR_GREATER,
    OPERATOR_ADD,
    OPERATOR_SUBTRACT,
    OPERATOR_MULTIPLY,
    OPERATOR_DIVIDE,
    OPERATOR_POWER,
    OPERATOR_NEGATE,
    OPERATOR_NOT,
};

enum { EXPRESSION_SIZE_MAX = 2048, EXPRESSION_DEPTH_MAX = 32 };

struct expression {
    enum expression_kind kind;
    enum expression_operator operator;
    double number;
    char *text;
    struct expression **parts; /* operands, arguments or members */
    size_t part_count;
};

/* Parses `text`; the caller frees it with expression_free(). NULL and err: where it went wrong. */
struct expression *expression_parse(const char *text, struct err *err);
/* Harmless with NULL. */
void expression_free(struct expression *expression);
/* Calls `visit` for the id of each query that is named, until it returns less than 0; its result.
 */
int expression_each_id(const struct expression *expression, int (*visit)(void *arg, const char *id),
                       void *arg);

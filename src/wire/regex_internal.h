/* Between regex_parse.c, regex_compile.c, regex_table.c and regex.c; nobody else includes it. */
#pragma once

#include "wire/regex.h"

struct byte_set {
    uint64_t bits[4];
};

static inline bool byte_set_has(const struct byte_set *set, unsigned char byte)
{
    return set->bits[byte / 64] >> byte % 64 & 1;
}

static inline void byte_set_add(struct byte_set *set, unsigned char byte)
{
    set->bits[byte / 64] |= 1ULL << byte % 64;
}

static inline bool regex_is_word(unsigned char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
           (byte >= 'a' && byte <= 'z');
}

enum regex_assertion { TEXT_BEGIN, TEXT_END, LINE_BEGIN, LINE_END, WORD_EDGE, NO_WORD_EDGE };

/* ---- a pattern as a tree ---- */

enum regex_node_type {
    NODE_EMPTY,
    NODE_SET,       /* one byte of the set `left` */
    NODE_ASSERTION, /* `left` */
    NODE_CAT,
    NODE_ALT, /* `left` is preferred */
    NODE_REPEAT,
    NODE_GROUP, /* `right` is its number */
};

struct regex_node {
    uint8_t type;
    bool lazy;
    int16_t min, max; /* max -1: no limit */
    uint16_t left, right;
};

struct regex_tree {
    struct regex_node *nodes;
    struct byte_set *sets; /* all different */
    int node_count, node_capacity, set_count, groups, root;
};

/* 0, or -1 and err; the tree's arrays are the caller's to free either way. */
int regex_parse(const char *pattern, size_t size, unsigned flags, struct regex_tree *tree,
                struct err *err);

/* ---- a program ---- */

enum regex_op {
    OP_SET,   /* a byte of the set x, and on to the next instruction */
    OP_SPLIT, /* x, or with less preference y */
    OP_JUMP,  /* x */
    OP_SAVE,  /* the place in slot x */
    OP_ASSERT,
    OP_MATCH,
};

struct regex_inst {
    uint16_t op, x, y;
};

/* A deterministic automaton that only says whether the pattern matches; see regex_table.c. */
struct regex_table {
    uint8_t class_of[256];
    int class_count, state_count;
    bool accepts_at_end[256];
    uint8_t next[]; /* state * class_count + class */
};

enum { STATE_MATCHED, STATE_DEAD, STATE_START }; /* of a table */

struct regex {
    int groups, inst_count, set_count;
    bool anchored; /* matches at the start of the text or nowhere */
    struct regex_inst *insts;
    struct byte_set *sets;
    struct regex_table *table; /* NULL: too large, or it needs to look around */
};

/* Builds the table if it is small and quickly built. */
struct regex_table *regex_table_build(const struct regex *regex);

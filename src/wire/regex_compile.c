/* A tree becomes a program, repetitions written out. */
#include "wire/regex_internal.h"

#include <stdlib.h>
#include <string.h>

enum { STEPS_MAX = 65536 }; /* visits to nodes: repetitions of nothing cost no instruction */

struct emitter {
    const struct regex_tree *tree;
    struct regex_inst *insts;
    int count, steps;
    bool failed;
};

static int emit(struct emitter *emitter, enum regex_op op, int x, int y)
{
    if (emitter->count == REGEX_PROGRAM_MAX) {
        emitter->failed = true;
        return 0;
    }
    emitter->insts[emitter->count] = (struct regex_inst){op, (uint16_t)x, (uint16_t)y};
    return emitter->count++;
}

static void emit_node(struct emitter *emitter, int index);

/* The preferred way of a split comes first. */
static void set_split(struct emitter *emitter, int split, bool lazy, int into, int past)
{
    emitter->insts[split].x = (uint16_t)(lazy ? past : into);
    emitter->insts[split].y = (uint16_t)(lazy ? into : past);
}

static void emit_plus(struct emitter *emitter, const struct regex_node *node)
{
    int start = emitter->count;
    emit_node(emitter, node->left);
    int split = emit(emitter, OP_SPLIT, 0, 0);
    set_split(emitter, split, node->lazy, start, split + 1);
}

/*
 * (x+)? and not a loop with its exit in front: a way through x that takes nothing comes back to
 * where it was, ends, and leaves the exit behind x, with that way's preference.
 */
static void emit_star(struct emitter *emitter, const struct regex_node *node)
{
    int split = emit(emitter, OP_SPLIT, 0, 0);
    emit_plus(emitter, node);
    set_split(emitter, split, node->lazy, split + 1, emitter->count);
}

static void emit_repeat(struct emitter *emitter, const struct regex_node *node)
{
    int copies = node->max < 0 && node->min > 0 ? node->min - 1 : node->min;
    for (int i = 0; i < copies && !emitter->failed; i++)
        emit_node(emitter, node->left);
    if (node->max < 0) {
        if (node->min > 0)
            emit_plus(emitter, node);
        else
            emit_star(emitter, node);
        return;
    }
    /* x{0,3} is (x(x(x)?)?)?: every split may leave to the end. Until that is known, each holds
       the one before it. */
    int last = -1;
    for (int i = node->min; i < node->max && !emitter->failed; i++) {
        last = emit(emitter, OP_SPLIT, last + 1, 0);
        emit_node(emitter, node->left);
    }
    while (last >= 0 && !emitter->failed) {
        int before = emitter->insts[last].x - 1;
        set_split(emitter, last, node->lazy, last + 1, emitter->count);
        last = before;
    }
}

static void emit_alternation(struct emitter *emitter, const struct regex_node *node)
{
    int split = emit(emitter, OP_SPLIT, 0, 0);
    emit_node(emitter, node->left);
    int jump = emit(emitter, OP_JUMP, 0, 0);
    set_split(emitter, split, false, split + 1, emitter->count);
    emit_node(emitter, node->right);
    emitter->insts[jump].x = (uint16_t)emitter->count;
}

static void emit_node(struct emitter *emitter, int index)
{
    const struct regex_node *node = &emitter->tree->nodes[index];
    if (++emitter->steps > STEPS_MAX)
        emitter->failed = true;
    if (emitter->failed)
        return;
    switch ((enum regex_node_type)node->type) {
    case NODE_EMPTY:
        break;
    case NODE_SET:
        emit(emitter, OP_SET, node->left, 0);
        break;
    case NODE_ASSERTION:
        emit(emitter, OP_ASSERT, node->left, 0);
        break;
    case NODE_CAT:
        emit_node(emitter, node->left);
        emit_node(emitter, node->right);
        break;
    case NODE_ALT:
        emit_alternation(emitter, node);
        break;
    case NODE_REPEAT:
        emit_repeat(emitter, node);
        break;
    case NODE_GROUP:
        emit(emitter, OP_SAVE, 2 * node->right, 0);
        emit_node(emitter, node->left);
        emit(emitter, OP_SAVE, 2 * node->right + 1, 0);
        break;
    }
}

/* Whether every match begins at the start of the text; a cheap look, not a proof of the opposite.
 */
static bool is_anchored(const struct regex_tree *tree, int index)
{
    for (;;) {
        const struct regex_node *node = &tree->nodes[index];
        if (node->type == NODE_CAT || node->type == NODE_GROUP)
            index = node->left;
        else if (node->type == NODE_ALT && is_anchored(tree, node->left))
            index = node->right;
        else
            return node->type == NODE_ASSERTION && node->left == TEXT_BEGIN;
    }
}

/* One block of memory: the regex, its instructions, its sets. */
static struct regex *assemble(const struct regex_tree *tree, const struct emitter *emitter)
{
    size_t insts_size = (size_t)emitter->count * sizeof(struct regex_inst);
    size_t sets_size = (size_t)tree->set_count * sizeof(struct byte_set);
    struct regex *regex = calloc(1, sizeof *regex + sets_size + insts_size);
    if (!regex)
        return NULL;
    regex->groups = tree->groups;
    regex->anchored = is_anchored(tree, tree->root);
    regex->inst_count = emitter->count;
    regex->set_count = tree->set_count;
    regex->sets = (struct byte_set *)(void *)(regex + 1);
    regex->insts = (struct regex_inst *)(void *)(regex->sets + tree->set_count);
    memcpy(regex->sets, tree->sets, sets_size);
    memcpy(regex->insts, emitter->insts, insts_size);
    regex->table = regex_table_build(regex);
    return regex;
}

static struct regex *compile_tree(const struct regex_tree *tree, struct err *err)
{
    struct emitter emitter = {.tree = tree};
    emitter.insts = calloc(REGEX_PROGRAM_MAX, sizeof *emitter.insts);
    struct regex *regex = NULL;
    if (emitter.insts) {
        emit_node(&emitter, tree->root);
        emit(&emitter, OP_MATCH, 0, 0);
        if (!emitter.failed)
            regex = assemble(tree, &emitter);
    }
    if (emitter.failed)
        err_set(err, "the regular expression is too large once its repetitions are written out");
    else if (!regex)
        err_set(err, "out of memory");
    free(emitter.insts);
    return regex;
}

struct regex *regex_compile(const char *pattern, size_t size, unsigned flags, struct err *err)
{
    struct regex_tree tree = {0};
    struct regex *regex = NULL;
    if (regex_parse(pattern, size, flags, &tree, err) == 0)
        regex = compile_tree(&tree, err);
    free(tree.nodes);
    free(tree.sets);
    return regex;
}

void regex_free(struct regex *regex)
{
    if (regex)
        free(regex->table);
    free(regex);
}

int regex_groups(const struct regex *regex)
{
    return regex->groups;
}

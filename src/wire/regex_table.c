/*
 * Most patterns become a table of states that costs one look a byte. A state is the set of
 * instructions that wait for a byte. Built when the pattern is compiled, so that threads share it
 * without a lock; a pattern that would need many states, or \b, is left to the simulation.
 */
#include "wire/regex_internal.h"

#include <stdlib.h>
#include <string.h>

enum {
    INSTS_MAX = 512, /* of a program */
    WORDS = INSTS_MAX / 64,
    STATES_MAX = 255,
    SLOTS = 1024,          /* of the hash of states */
    WORK_MAX = 100 * 1000, /* steps: bounds the time to build */
};

struct set {
    uint64_t waiting[WORDS]; /* instructions */
    bool matched, matched_at_end;
};

struct builder {
    const struct regex *regex;
    struct regex_table *table;
    struct set after[INSTS_MAX]; /* what an instruction leads to without a byte, within the text */
    struct set states[STATES_MAX + 1];
    uint16_t slots[SLOTS];     /* state + 1 */
    unsigned char sample[256]; /* a byte of each class */
    int work;
};

static bool only_looks_at_ends(const struct regex *regex)
{
    for (int i = 0; i < regex->inst_count; i++)
        if (regex->insts[i].op == OP_ASSERT && regex->insts[i].x != TEXT_BEGIN &&
            regex->insts[i].x != TEXT_END)
            return false;
    return true;
}

/* Bytes that no set tells apart share a class. */
static void make_classes(struct builder *builder)
{
    const struct regex *regex = builder->regex;
    struct regex_table *table = builder->table;
    uint64_t seen[256] = {0};
    for (int byte = 0; byte < 256; byte++) {
        uint64_t sign = 14695981039346656037ULL; /* of the sets that hold the byte */
        for (int i = 0; i < regex->set_count; i++)
            sign = (sign ^ (uint64_t)(byte_set_has(&regex->sets[i], (unsigned char)byte) + 2 * i)) *
                   1099511628211ULL;
        int class = 0;
        while (class < table->class_count && seen[class] != sign)
            class ++;
        if (class == table->class_count) {
            seen[table->class_count++] = sign;
            builder->sample[class] = (unsigned char)byte;
        }
        table->class_of[byte] = (uint8_t) class;
    }
}

/*
 * Everything that `start` leads to without a byte. `begin`: at the start of the text. A way through
 * an end assertion can only match, so it is followed apart, and only to see whether it does.
 */
static void close_over(const struct regex *regex, int start, bool begin, struct set *out)
{
    bool seen[2][INSTS_MAX] = {{false}};
    uint16_t stack[2 * INSTS_MAX];
    int height = 0;
    stack[height++] = (uint16_t)(start * 2);
    seen[0][start] = true;
    while (height) {
        unsigned top = stack[--height], end = top & 1;
        const struct regex_inst *inst = &regex->insts[top / 2];
        int next[2] = {-1, -1};
        switch ((enum regex_op)inst->op) {
        case OP_SET:
            if (!end)
                out->waiting[top / 2 / 64] |= 1ULL << top / 2 % 64;
            break;
        case OP_MATCH:
            out->matched |= !end;
            out->matched_at_end = true;
            break;
        case OP_SPLIT:
            next[1] = inst->y;
            next[0] = inst->x;
            break;
        case OP_JUMP:
            next[0] = inst->x;
            break;
        case OP_SAVE:
            next[0] = (int)(top / 2) + 1;
            break;
        case OP_ASSERT:
            if (inst->x == TEXT_END || begin)
                next[0] = (int)(top / 2) + 1;
            end |= inst->x == TEXT_END;
            break;
        }
        for (int i = 0; i < 2; i++) {
            if (next[i] >= 0 && !seen[end][next[i]]) {
                seen[end][next[i]] = true;
                stack[height++] = (uint16_t)(next[i] * 2 + (int)end);
            }
        }
    }
}

static void merge(struct set *set, const struct set *other)
{
    for (int i = 0; i < WORDS; i++)
        set->waiting[i] |= other->waiting[i];
    set->matched |= other->matched;
    set->matched_at_end |= other->matched_at_end;
}

static bool is_dead(const struct set *set)
{
    for (int i = 0; i < WORDS; i++)
        if (set->waiting[i])
            return false;
    return !set->matched_at_end;
}

/* The number of this state, which may be new; -1 if there are too many. */
static int state_of(struct builder *builder, const struct set *set)
{
    if (set->matched)
        return STATE_MATCHED;
    if (is_dead(set))
        return STATE_DEAD;
    uint64_t hash = set->matched_at_end;
    for (int i = 0; i < WORDS; i++)
        hash = (hash ^ set->waiting[i]) * 0x9e3779b97f4a7c15ULL, hash ^= hash >> 29;
    unsigned slot = hash % SLOTS;
    for (; builder->slots[slot]; slot = (slot + 1) % SLOTS) {
        const struct set *known = &builder->states[builder->slots[slot] - 1];
        if (known->matched_at_end == set->matched_at_end &&
            memcmp(known->waiting, set->waiting, sizeof set->waiting) == 0)
            return builder->slots[slot] - 1;
    }
    int state = builder->table->state_count;
    if (state == STATES_MAX)
        return -1;
    builder->table->state_count++;
    builder->states[state] = *set;
    builder->slots[slot] = (uint16_t)(state + 1);
    builder->table->accepts_at_end[state] = set->matched_at_end;
    return state;
}

/* Where a state goes with the bytes of a class. */
static int step(struct builder *builder, int state, int class)
{
    const struct regex *regex = builder->regex;
    struct set next = {{0}};
    if (!regex->anchored)
        next = builder->after[0];
    for (int word = 0; word < WORDS; word++) {
        for (uint64_t bits = builder->states[state].waiting[word]; bits; bits &= bits - 1) {
            int inst = word * 64 + __builtin_ctzll(bits);
            builder->work++;
            if (byte_set_has(&regex->sets[regex->insts[inst].x], builder->sample[class]))
                merge(&next, &builder->after[inst + 1]);
        }
    }
    return state_of(builder, &next);
}

static bool fill(struct builder *builder)
{
    struct regex_table *table = builder->table;
    struct set start = {{0}};
    close_over(builder->regex, 0, true, &start);
    table->state_count = STATE_START;
    int first = state_of(builder, &start);
    if (first != STATE_START) { /* it matches, or can never match, before any byte */
        table->state_count = STATE_START + 1;
        table->accepts_at_end[STATE_START] = first == STATE_MATCHED;
        for (int class = 0; class < table->class_count; class ++)
            table->next[STATE_START * table->class_count + class] = (uint8_t)first;
        return true;
    }
    for (int state = STATE_START; state < table->state_count; state++) {
        for (int class = 0; class < table->class_count; class ++) {
            int next = step(builder, state, class);
            if (next < 0 || builder->work > WORK_MAX)
                return false;
            table->next[state * table->class_count + class] = (uint8_t)next;
        }
    }
    return true;
}

/* Only as large as its states. */
static struct regex_table *trimmed(const struct regex_table *table)
{
    size_t size = sizeof *table + (size_t)(table->state_count * table->class_count);
    struct regex_table *copy = malloc(size);
    if (copy)
        memcpy(copy, table, size);
    return copy;
}

struct regex_table *regex_table_build(const struct regex *regex)
{
    struct regex_table *done = NULL;
    if (regex->inst_count > INSTS_MAX || !only_looks_at_ends(regex))
        return NULL;
    struct builder *builder = calloc(1, sizeof *builder);
    struct regex_table *table = calloc(1, sizeof *table + (size_t)(STATES_MAX + 1) * 256);
    if (builder && table) {
        builder->regex = regex;
        builder->table = table;
        make_classes(builder);
        close_over(regex, 0, false, &builder->after[0]);
        for (int i = 1; i < regex->inst_count; i++)
            if (regex->insts[i - 1].op == OP_SET)
                close_over(regex, i, false, &builder->after[i]);
        if (fill(builder))
            done = trimmed(table);
    }
    free(builder);
    free(table);
    return done;
}

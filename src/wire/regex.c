/*
 * Runs a program on a text: all ways through the program at once, byte by byte, the preferred way
 * first. A way that reaches an instruction where a preferred one already is ends there, so each
 * byte costs at most one look at each instruction.
 */
#include "wire/regex_internal.h"

#include <string.h>

enum { UNSET = 0xffff, RESTORE = 1U << 31 };

struct run {
    const struct regex *regex;
    const char *text;
    size_t size;
    int slots; /* 0: only whether, not where */
    struct regex_scratch *scratch;
    uint16_t slot[2 * (REGEX_GROUPS_MAX + 1)]; /* of the way that is being followed */
};

/* The instructions that ways have reached before one byte: list `side` of the scratch. */
struct front {
    int side, count;
};

static bool holds(const struct run *run, enum regex_assertion assertion, size_t at)
{
    const char *text = run->text;
    bool before = at > 0 && regex_is_word((unsigned char)text[at - 1]);
    bool after = at < run->size && regex_is_word((unsigned char)text[at]);
    switch (assertion) {
    case TEXT_BEGIN:
        return at == 0;
    case TEXT_END:
        return at == run->size;
    case LINE_BEGIN:
        return at == 0 || text[at - 1] == '\n';
    case LINE_END:
        return at == run->size || text[at] == '\n';
    case WORD_EDGE:
        return before != after;
    case NO_WORD_EDGE:
        return before == after;
    }
    return false;
}

/* True if the instruction is new in the front. */
static bool reach(struct run *run, struct front *front, unsigned inst)
{
    uint16_t *threads = run->scratch->threads[front->side];
    uint16_t *place = run->scratch->place[front->side];
    if (place[inst] < front->count && threads[place[inst]] == inst)
        return false;
    place[inst] = (uint16_t)front->count;
    threads[front->count++] = (uint16_t)inst;
    return true;
}

static void save_slots(struct run *run, const struct front *front)
{
    if (run->slots)
        memcpy(run->scratch->saved[front->side][front->count - 1], run->slot,
               (size_t)run->slots * sizeof run->slot[0]);
}

/*
 * Follows a way from `inst` through everything that takes no byte. The stack holds the less
 * preferred branches, and the slots to set back before they are followed.
 */
static void follow(struct run *run, struct front *front, unsigned start, size_t at)
{
    uint32_t *stack = run->scratch->stack;
    int height = 0;
    stack[height++] = start;
    while (height) {
        uint32_t top = stack[--height];
        if (top & RESTORE) {
            run->slot[top >> 16 & 0xff] = (uint16_t)top;
            continue;
        }
        if (!reach(run, front, top))
            continue;
        const struct regex_inst *inst = &run->regex->insts[top];
        switch ((enum regex_op)inst->op) {
        case OP_SPLIT:
            stack[height++] = inst->y;
            stack[height++] = inst->x;
            break;
        case OP_JUMP:
            stack[height++] = inst->x;
            break;
        case OP_SAVE:
            if (inst->x < run->slots) {
                stack[height++] = RESTORE | (uint32_t)inst->x << 16 | run->slot[inst->x];
                run->slot[inst->x] = (uint16_t)at;
            }
            stack[height++] = top + 1;
            break;
        case OP_ASSERT:
            if (holds(run, inst->x, at))
                stack[height++] = top + 1;
            break;
        case OP_SET:
        case OP_MATCH:
            save_slots(run, front);
            break;
        }
    }
}

/*
 * Takes one byte (or the end) on every way of `now`. True if one of them matched; the ways that are
 * less preferred than that end.
 */
static bool step(struct run *run, const struct front *now, struct front *next, size_t at,
                 uint16_t *matched)
{
    const struct regex *regex = run->regex;
    for (int i = 0; i < now->count; i++) {
        unsigned index = run->scratch->threads[now->side][i];
        const struct regex_inst *inst = &regex->insts[index];
        const uint16_t *saved = run->scratch->saved[now->side][i];
        size_t slots_size = (size_t)run->slots * sizeof run->slot[0];
        if (inst->op == OP_MATCH) {
            memcpy(matched, saved, slots_size);
            if (run->slots)
                matched[1] = (uint16_t)at;
            return true;
        }
        if (inst->op == OP_SET && at < run->size &&
            byte_set_has(&regex->sets[inst->x], (unsigned char)run->text[at])) {
            memcpy(run->slot, saved, slots_size);
            follow(run, next, index + 1, at + 1);
        }
    }
    return false;
}

static bool simulate(struct run *run, uint16_t *matched)
{
    bool found = false;
    struct front now = {0, 0}, next = {1, 0};
    for (size_t at = 0; at <= run->size; at++) {
        if (!found && (at == 0 || !run->regex->anchored)) {
            memset(run->slot, 0xff, sizeof run->slot);
            run->slot[0] = (uint16_t)at;
            follow(run, &now, 0, at);
        }
        if (!now.count)
            break;
        found |= step(run, &now, &next, at, matched);
        if (found && !run->slots)
            break;
        now = next;
        next = (struct front){!now.side, 0};
    }
    return found;
}

static bool table_matches(const struct regex_table *table, const char *text, size_t size)
{
    unsigned state = STATE_START, classes = (unsigned)table->class_count;
    for (size_t i = 0; i < size && state > STATE_DEAD; i++)
        state = table->next[state * classes + table->class_of[(unsigned char)text[i]]];
    return state == STATE_MATCHED || table->accepts_at_end[state];
}

bool regex_matches(const struct regex *regex, const char *text, size_t size,
                   struct regex_scratch *scratch)
{
    uint16_t none[1];
    if (size > REGEX_TEXT_MAX)
        return false;
    if (regex->table)
        return table_matches(regex->table, text, size);
    struct run run = {.regex = regex, .text = text, .size = size, .scratch = scratch};
    return simulate(&run, none);
}

bool regex_search(const struct regex *regex, const char *text, size_t size,
                  struct regex_span spans[REGEX_GROUPS_MAX + 1], struct regex_scratch *scratch)
{
    uint16_t matched[2 * (REGEX_GROUPS_MAX + 1)] = {0};
    struct run run = {.regex = regex,
                      .text = text,
                      .size = size,
                      .slots = 2 * (regex->groups + 1),
                      .scratch = scratch};
    if (size > REGEX_TEXT_MAX || (regex->table && !table_matches(regex->table, text, size)) ||
        !simulate(&run, matched))
        return false;
    for (int i = 0; i <= regex->groups; i++) {
        bool took_part = matched[2 * i] != UNSET && matched[2 * i + 1] != UNSET;
        spans[i] = took_part ? (struct regex_span){matched[2 * i], matched[2 * i + 1]}
                             : (struct regex_span){-1, -1};
    }
    return true;
}

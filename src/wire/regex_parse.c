/* A pattern's text becomes a tree. Recursion is bounded by the nesting of groups. */
#include "wire/regex_internal.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 50 };

enum { DOT_ALL = 2, MULTI_LINE = 4 }; /* flags besides REGEX_IGNORE_CASE */

struct parser {
    const char *at, *end;
    unsigned flags;
    int depth;
    struct regex_tree *tree;
    struct err *err;
};

static int parse_alternation(struct parser *parser);

/* ---- nodes ---- */

/* There is room for every node: the capacity follows from the size of the pattern. */
static int add_node(struct parser *parser, struct regex_node node)
{
    struct regex_tree *tree = parser->tree;
    if (tree->node_count == tree->node_capacity)
        return err_set(parser->err, "the regular expression is too large");
    tree->nodes[tree->node_count] = node;
    return tree->node_count++;
}

static int add_pair(struct parser *parser, enum regex_node_type type, int left, int right)
{
    return add_node(parser, (struct regex_node){
                                .type = type, .left = (uint16_t)left, .right = (uint16_t)right});
}

static int add_assertion(struct parser *parser, enum regex_assertion assertion)
{
    return add_pair(parser, NODE_ASSERTION, assertion, 0);
}

static void fold_case(struct byte_set *set)
{
    for (unsigned upper = 'A'; upper <= 'Z'; upper++) {
        unsigned char lower = (unsigned char)(upper | 0x20);
        if (byte_set_has(set, (unsigned char)upper) || byte_set_has(set, lower)) {
            byte_set_add(set, (unsigned char)upper);
            byte_set_add(set, lower);
        }
    }
}

static void invert(struct byte_set *set)
{
    for (int i = 0; i < 4; i++)
        set->bits[i] = ~set->bits[i];
}

static int add_set(struct parser *parser, const struct byte_set *set)
{
    struct regex_tree *tree = parser->tree;
    int index = 0;
    while (index < tree->set_count && memcmp(&tree->sets[index], set, sizeof *set) != 0)
        index++;
    if (index == tree->set_count)
        tree->sets[tree->set_count++] = *set;
    return add_pair(parser, NODE_SET, index, 0);
}

static int add_byte(struct parser *parser, unsigned char byte)
{
    struct byte_set set = {{0}};
    byte_set_add(&set, byte);
    if (parser->flags & REGEX_IGNORE_CASE)
        fold_case(&set);
    return add_set(parser, &set);
}

static int add_any(struct parser *parser)
{
    struct byte_set set = {{0}};
    if (!(parser->flags & DOT_ALL))
        byte_set_add(&set, '\n');
    invert(&set);
    return add_set(parser, &set);
}

/* ---- escapes and classes ---- */

static bool starts(const struct parser *parser, const char *text)
{
    size_t size = strlen(text);
    return (size_t)(parser->end - parser->at) >= size && memcmp(parser->at, text, size) == 0;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_letter(char byte)
{
    return (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
}

static void add_range(struct byte_set *set, unsigned char from, unsigned char to)
{
    for (unsigned byte = from; byte <= to; byte++)
        byte_set_add(set, (unsigned char)byte);
}

/* \d \w \s and their opposites. */
static bool class_escape(char letter, struct byte_set *set)
{
    struct byte_set found = {{0}};
    switch (letter | 0x20) {
    case 'd':
        add_range(&found, '0', '9');
        break;
    case 'w':
        for (unsigned byte = 0; byte < 256; byte++)
            if (regex_is_word((unsigned char)byte))
                byte_set_add(&found, (unsigned char)byte);
        break;
    case 's':
        for (const char *at = "\t\n\f\r "; *at; at++)
            byte_set_add(&found, (unsigned char)*at);
        break;
    default:
        return false;
    }
    if (letter < 'a')
        invert(&found);
    for (int i = 0; i < 4; i++)
        set->bits[i] |= found.bits[i];
    return true;
}

static int hex_value(char byte)
{
    if (is_digit(byte))
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* What follows "\x": two digits, or up to two in braces. Returns the byte. */
static int hex_escape(struct parser *parser)
{
    bool braces = starts(parser, "{");
    parser->at += braces;
    int byte = 0, digits = 0;
    for (; digits < 2 && parser->at < parser->end && hex_value(*parser->at) >= 0; digits++)
        byte = byte * 16 + hex_value(*parser->at++);
    if (!digits || (!braces && digits < 2) || (braces && !starts(parser, "}")))
        return err_set(parser->err, "\\x must be followed by two hexadecimal digits");
    parser->at += braces;
    return byte;
}

static int refuse_escape(const struct parser *parser, char letter)
{
    if (letter == 'p' || letter == 'P')
        return err_set(parser->err, "Unicode character classes (\\%c) are not supported", letter);
    if ((letter >= '1' && letter <= '9') || letter == 'k')
        return err_set(parser->err, "back-references (\\%c) are not supported", letter);
    if (letter == 'g')
        return err_set(parser->err, "subroutines and back-references (\\g) are not supported");
    return err_set(parser->err, "the escape \\%c is not supported", letter);
}

/* An escape that stands for one byte; `at` is behind the backslash. Returns the byte. */
static int byte_escape(struct parser *parser)
{
    static const char names[] = "tnrfva", bytes[] = "\t\n\r\f\v\a";
    if (parser->at == parser->end)
        return err_set(parser->err, "the regular expression ends with a backslash");
    char letter = *parser->at++;
    const char *name = memchr(names, letter, sizeof names - 1);
    if (name)
        return bytes[name - names];
    if (letter == 'x')
        return hex_escape(parser);
    if (is_letter(letter) || is_digit(letter) || (unsigned char)letter >= 0x80)
        return refuse_escape(parser, letter);
    return (unsigned char)letter;
}

static int parse_escape(struct parser *parser)
{
    static const struct {
        char letter;
        enum regex_assertion assertion;
    } assertions[] = {{'b', WORD_EDGE}, {'B', NO_WORD_EDGE}, {'A', TEXT_BEGIN}, {'z', TEXT_END}};
    struct byte_set set = {{0}};
    char letter = parser->at < parser->end ? *parser->at : 0;
    for (size_t i = 0; i < sizeof assertions / sizeof assertions[0]; i++) {
        if (assertions[i].letter == letter) {
            parser->at++;
            return add_assertion(parser, assertions[i].assertion);
        }
    }
    if (is_letter(letter) && class_escape(letter, &set)) {
        parser->at++;
        return add_set(parser, &set);
    }
    int byte = byte_escape(parser);
    return byte < 0 ? -1 : add_byte(parser, (unsigned char)byte);
}

/* [:name:] within a class; `at` is at the first bracket. 0, or -1 and err. */
static int posix_class(struct parser *parser, struct byte_set *set)
{
    static const struct {
        const char *name, *ranges; /* pairs of bytes */
    } classes[] = {{"[:alnum:]", "09AZaz"},   {"[:alpha:]", "AZaz"},
                   {"[:blank:]", "\t\t  "},   {"[:cntrl:]", "\1\37\177\177"},
                   {"[:digit:]", "09"},       {"[:graph:]", "!~"},
                   {"[:lower:]", "az"},       {"[:print:]", " ~"},
                   {"[:punct:]", "!/:@[`{~"}, {"[:space:]", "\t\r  "},
                   {"[:upper:]", "AZ"},       {"[:word:]", "09AZaz__"},
                   {"[:xdigit:]", "09AFaf"}};
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (!starts(parser, classes[i].name))
            continue;
        parser->at += strlen(classes[i].name);
        for (const char *range = classes[i].ranges; *range; range += 2)
            add_range(set, (unsigned char)range[0], (unsigned char)range[1]);
        return 0;
    }
    return err_set(parser->err, "the character class name in [[:...:]] is not known");
}

/* One end of a range, or a byte by itself. Returns the byte. */
static int class_byte(struct parser *parser)
{
    if (*parser->at != '\\')
        return (unsigned char)*parser->at++;
    parser->at++;
    return byte_escape(parser);
}

static int class_item(struct parser *parser, struct byte_set *set)
{
    if (starts(parser, "[:"))
        return posix_class(parser, set);
    if (*parser->at == '\\' && parser->at + 1 < parser->end && is_letter(parser->at[1]) &&
        class_escape(parser->at[1], set)) {
        parser->at += 2;
        return 0;
    }
    int from = class_byte(parser), to = from;
    if (from < 0)
        return -1;
    if (starts(parser, "-") && parser->at + 1 < parser->end && parser->at[1] != ']') {
        parser->at++;
        to = class_byte(parser);
    }
    if (to < 0)
        return -1;
    if (to < from)
        return err_set(parser->err, "a range in a character class is out of order");
    add_range(set, (unsigned char)from, (unsigned char)to);
    return 0;
}

/* Behind "[". */
static int parse_class(struct parser *parser)
{
    struct byte_set set = {{0}};
    bool negated = starts(parser, "^"), first = true;
    parser->at += negated;
    while (first || !starts(parser, "]")) {
        if (parser->at == parser->end)
            return err_set(parser->err, "a character class is not closed with ]");
        if (class_item(parser, &set) < 0)
            return -1;
        first = false;
    }
    parser->at++;
    if (parser->flags & REGEX_IGNORE_CASE)
        fold_case(&set);
    if (negated)
        invert(&set);
    return add_set(parser, &set);
}

/* ---- groups ---- */

/* Behind "(?": what other engines do there and this one does not. -1 and err, or 0. */
static int refuse_group(const struct parser *parser)
{
    static const struct {
        const char *start, *what;
    } refused[] = {
        {"=", "look-ahead"},     {"!", "look-ahead"},          {"<=", "look-behind"},
        {"<!", "look-behind"},   {">", "an atomic group"},     {"R", "recursion"},
        {"&", "a subroutine"},   {"P>", "a subroutine"},       {"P=", "a back-reference"},
        {"|", "a branch reset"}, {"(", "a conditional group"}, {"#", "a comment"},
        {"+", "recursion"}};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (starts(parser, refused[i].start))
            return err_set(parser->err, "%s, (?%s, is not supported", refused[i].what,
                           refused[i].start);
    const char *digit = parser->at + starts(parser, "-");
    if (digit < parser->end && is_digit(*digit))
        return err_set(parser->err, "recursion, (?%c, is not supported", *digit);
    return 0;
}

/* The flags of (?i) and (?i:...), up to the sign behind them. */
static int parse_flags(struct parser *parser, unsigned *flags)
{
    bool off = false;
    for (; parser->at < parser->end && *parser->at != ')' && *parser->at != ':'; parser->at++) {
        static const char letters[] = "ism";
        static const unsigned bits[] = {REGEX_IGNORE_CASE, DOT_ALL, MULTI_LINE};
        const char *letter = memchr(letters, *parser->at, sizeof letters - 1);
        if (*parser->at == '-' && !off)
            off = true;
        else if (!letter)
            return err_set(parser->err, "the group (?%c is not supported", *parser->at);
        else if (off)
            *flags &= ~bits[letter - letters];
        else
            *flags |= bits[letter - letters];
    }
    return 0;
}

static int group_name(struct parser *parser)
{
    const char *start = parser->at;
    while (parser->at < parser->end && regex_is_word((unsigned char)*parser->at))
        parser->at++;
    if (parser->at == start || !starts(parser, ">"))
        return err_set(parser->err, "the name of a group is not valid");
    parser->at++;
    return 0;
}

static int close_group(struct parser *parser, int inside, int number)
{
    if (inside < 0)
        return -1;
    if (!starts(parser, ")"))
        return err_set(parser->err, "a group is not closed with )");
    parser->at++;
    return number ? add_pair(parser, NODE_GROUP, inside, number) : inside;
}

static int capturing_group(struct parser *parser)
{
    struct regex_tree *tree = parser->tree;
    if (tree->groups == REGEX_GROUPS_MAX)
        return err_set(parser->err, "there are more than %d capturing groups", REGEX_GROUPS_MAX);
    int number = ++tree->groups;
    unsigned outer = parser->flags;
    int inside = parse_alternation(parser);
    parser->flags = outer;
    return close_group(parser, inside, number);
}

/* Behind "(?": (?i) lasts to the end of the group around it, (?i:...) to its own. */
static int flags_group(struct parser *parser)
{
    unsigned outer = parser->flags, flags = outer;
    if (parse_flags(parser, &flags) < 0)
        return -1;
    parser->flags = flags;
    if (!starts(parser, ":"))
        return close_group(parser, add_node(parser, (struct regex_node){.type = NODE_EMPTY}), 0);
    parser->at++;
    int inside = parse_alternation(parser);
    parser->flags = outer;
    return close_group(parser, inside, 0);
}

/* Behind "(". */
static int parse_group(struct parser *parser)
{
    if (parser->depth == DEPTH_MAX)
        return err_set(parser->err, "groups are nested more than %d deep", DEPTH_MAX);
    parser->depth++;
    int node;
    if (!starts(parser, "?")) {
        node = capturing_group(parser);
    } else if (parser->at++, refuse_group(parser) < 0) {
        node = -1;
    } else if (starts(parser, "P<") || starts(parser, "<")) {
        parser->at += *parser->at == 'P' ? 2 : 1;
        node = group_name(parser) < 0 ? -1 : capturing_group(parser);
    } else {
        node = flags_group(parser);
    }
    parser->depth--;
    return node;
}

/* ---- atoms, repetitions, alternatives ---- */

static int parse_atom(struct parser *parser)
{
    char byte = *parser->at++;
    bool lines = parser->flags & MULTI_LINE;
    switch (byte) {
    case '(':
        return parse_group(parser);
    case '[':
        return parse_class(parser);
    case '\\':
        return parse_escape(parser);
    case '.':
        return add_any(parser);
    case '^':
        return add_assertion(parser, lines ? LINE_BEGIN : TEXT_BEGIN);
    case '$':
        return add_assertion(parser, lines ? LINE_END : TEXT_END);
    case '*':
    case '+':
    case '?':
        return err_set(parser->err, "there is nothing that %c could repeat", byte);
    default:
        return add_byte(parser, (unsigned char)byte);
    }
}

/* "{n", "{n,", "{n,m" and "}"; anything else in braces is literal. False if it is no repetition. */
static bool parse_bounds(struct parser *parser, int *min, int *max)
{
    int numbers[2] = {-1, -1}, index = 0;
    const char *at = parser->at + 1;
    for (; at < parser->end && *at != '}'; at++) {
        if (is_digit(*at)) {
            int so_far = numbers[index] < 0 ? 0 : numbers[index];
            numbers[index] = so_far > REGEX_REPEAT_MAX ? so_far : so_far * 10 + (*at - '0');
        } else if (*at == ',' && index == 0) {
            index = 1;
        } else {
            return false;
        }
    }
    if (at == parser->end || numbers[0] < 0)
        return false;
    *min = numbers[0];
    *max = index ? numbers[1] : numbers[0];
    parser->at = at + 1;
    return true;
}

static bool parse_quantifier(struct parser *parser, int *min, int *max)
{
    char byte = parser->at < parser->end ? *parser->at : 0;
    if (byte == '{')
        return parse_bounds(parser, min, max);
    if (byte != '*' && byte != '+' && byte != '?')
        return false;
    parser->at++;
    *min = byte == '+';
    *max = byte == '?' ? 1 : -1;
    return true;
}

static int parse_repeated(struct parser *parser)
{
    int atom = parse_atom(parser), min, max, more;
    if (atom < 0 || !parse_quantifier(parser, &min, &max))
        return atom;
    if (min > REGEX_REPEAT_MAX || max > REGEX_REPEAT_MAX)
        return err_set(parser->err, "a repetition is larger than %d", REGEX_REPEAT_MAX);
    if (max >= 0 && max < min)
        return err_set(parser->err, "the bounds of a repetition are out of order");
    bool lazy = starts(parser, "?");
    parser->at += lazy;
    if (starts(parser, "+"))
        return err_set(parser->err, "possessive quantifiers are not supported");
    if (parse_quantifier(parser, &more, &more))
        return err_set(parser->err, "a repetition is repeated without a group around it");
    return add_node(parser, (struct regex_node){.type = NODE_REPEAT,
                                                .lazy = lazy,
                                                .min = (int16_t)min,
                                                .max = (int16_t)max,
                                                .left = (uint16_t)atom});
}

static int parse_sequence(struct parser *parser)
{
    int node = -1;
    while (parser->at < parser->end && *parser->at != '|' && *parser->at != ')') {
        int next = parse_repeated(parser);
        if (next < 0)
            return -1;
        bool first = node < 0 || parser->tree->nodes[node].type == NODE_EMPTY;
        node = first ? next : add_pair(parser, NODE_CAT, node, next);
    }
    return node < 0 ? add_node(parser, (struct regex_node){.type = NODE_EMPTY}) : node;
}

static int parse_alternation(struct parser *parser)
{
    int node = parse_sequence(parser);
    while (node >= 0 && starts(parser, "|")) {
        parser->at++;
        int right = parse_sequence(parser);
        node = right < 0 ? -1 : add_pair(parser, NODE_ALT, node, right);
    }
    return node;
}

int regex_parse(const char *pattern, size_t size, unsigned flags, struct regex_tree *tree,
                struct err *err)
{
    if (size > REGEX_SIZE_MAX)
        return err_set(err, "the regular expression is longer than %d characters", REGEX_SIZE_MAX);
    tree->node_capacity = (int)(4 * size + 4);
    tree->nodes = calloc((size_t)tree->node_capacity, sizeof *tree->nodes);
    tree->sets = calloc(size + 1, sizeof *tree->sets);
    if (!tree->nodes || !tree->sets)
        return err_set(err, "out of memory");
    struct parser parser = {
        .at = pattern, .end = pattern + size, .flags = flags, .tree = tree, .err = err};
    tree->root = parse_alternation(&parser);
    if (tree->root < 0)
        return -1;
    if (parser.at < parser.end)
        return err_set(err, "a ) closes no group");
    return 0;
}

#include "host/run/cloud_config.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "host/run/plain_file.h"
#include "host/run/user_data.h"
#include "os/file.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Lines are looked at one by one; `at` is the next. */
struct reader {
    const char *at;
};

struct line {
    const char *text; /* behind the indentation */
    size_t size;      /* without the line end */
    int indent;
};

struct file_entry {
    char *path, *content, *permissions;
};

static bool peek(const struct reader *reader, struct line *line)
{
    if (!*reader->at)
        return false;
    line->indent = (int)strspn(reader->at, " ");
    line->text = reader->at + line->indent;
    line->size = strcspn(line->text, "\n");
    if (line->size && line->text[line->size - 1] == '\r')
        line->size--;
    return true;
}

static void skip(struct reader *reader)
{
    reader->at += strcspn(reader->at, "\n");
    reader->at += *reader->at == '\n';
}

static bool is_blank(const struct line *line)
{
    return !line->size || *line->text == '#';
}

/* The lines below that are indented more than `indent`, without their common indentation. */
static char *read_block(struct reader *reader, int indent)
{
    auto_buf block = {0};
    struct line line;
    int inner = -1;
    for (; peek(reader, &line) && (!line.size || line.indent > indent); skip(reader)) {
        if (inner < 0 && line.size)
            inner = line.indent;
        int extra = line.size && line.indent > inner ? line.indent - inner : 0;
        for (int i = 0; i < extra; i++)
            buf_append_char(&block, ' ');
        buf_append(&block, line.text, line.size);
        buf_append_char(&block, '\n');
    }
    return buf_take(&block);
}

/* A scalar: quoted, plain, or a block that the following lines hold ("|"). The line is skipped. */
static char *read_scalar(struct reader *reader, const char *text, size_t size, int indent)
{
    while (size && *text == ' ')
        text++, size--;
    skip(reader);
    if (size && *text == '|')
        return read_block(reader, indent);
    if (size >= 2 && (*text == '"' || *text == '\'') && text[size - 1] == *text)
        return strndup(text + 1, size - 2);
    return strndup(text, size);
}

/* "[ls, -l, '/a b']" as one command of a shell: 'ls' '-l' '/a b'. */
static char *command_of_list(const char *list)
{
    auto_buf command = {0};
    for (const char *at = list + 1; *at && *at != ']';) {
        at += strspn(at, " ,");
        char quote = *at == '"' || *at == '\'' ? *at++ : '\0';
        const char end[] = {quote, '\0'};
        size_t size = quote ? strcspn(at, end) : strcspn(at, ",]");
        buf_append_string(&command, "'");
        for (size_t i = 0; i < size; i++)
            if (at[i] == '\'')
                buf_append_string(&command, "'\\''");
            else
                buf_append_char(&command, at[i]);
        buf_append_string(&command, "' ");
        at += size + (quote && at[size]);
        at += strspn(at, " ,");
    }
    return buf_take(&command);
}

static void run_commands(struct reader *reader)
{
    auto_buf script = {0};
    struct line line;
    buf_append_string(&script, "#!/bin/sh\n");
    while (peek(reader, &line) && (is_blank(&line) || *line.text == '-')) {
        if (is_blank(&line)) {
            skip(reader);
            continue;
        }
        auto_free char *item = read_scalar(reader, line.text + 1, line.size - 1, line.indent);
        auto_free char *list = item && *item == '[' ? command_of_list(item) : NULL;
        buf_printf(&script, "%s\n", list ? list : item ? item : "");
    }
    if (!script.failed)
        user_data_run(script.data, script.size);
}

static void write_entry(struct file_entry *entry)
{
    struct err err;
    if (entry->path && *entry->path == '/') {
        char *slash = strrchr(entry->path, '/');
        const char *content = entry->content ? entry->content : "";
        mode_t mode = entry->permissions ? (mode_t)strtoul(entry->permissions, NULL, 8) : 0644;
        *slash = '\0';
        int made = *entry->path ? file_make_dirs(entry->path, 0755, &err) : 0;
        *slash = '/';
        if (made < 0 ||
            plain_file_write(entry->path, content, strlen(content), mode & 07777, &err) < 0)
            printf("cloud-init: write_files: %s\n", err.text);
    }
    free(entry->path);
    free(entry->content);
    free(entry->permissions);
    *entry = (struct file_entry){0};
}

static void read_member(struct reader *reader, const struct line *line, struct file_entry *entry)
{
    const char *text = line->text;
    size_t size = line->size;
    int indent = line->indent;
    while (size && (*text == '-' || *text == ' '))
        text++, size--, indent++;
    const char *colon = memchr(text, ':', size);
    size_t key_size = colon ? (size_t)(colon - text) : size;
    size_t used = colon ? key_size + 1 : size;
    char *value = read_scalar(reader, text + used, size - used, indent);
    char **slot = !strncmp(text, "path", key_size)          ? &entry->path
                  : !strncmp(text, "content", key_size)     ? &entry->content
                  : !strncmp(text, "permissions", key_size) ? &entry->permissions
                                                            : NULL;
    if (!slot) {
        printf("cloud-init: write_files: \"%.*s\" is not supported by Pileus\n", (int)key_size,
               text);
        free(value);
        return;
    }
    free(*slot);
    *slot = value;
}

static void write_files(struct reader *reader)
{
    struct file_entry entry = {0};
    struct line line;
    while (peek(reader, &line) && (is_blank(&line) || line.indent > 0 || *line.text == '-')) {
        if (is_blank(&line)) {
            skip(reader);
            continue;
        }
        if (*line.text == '-')
            write_entry(&entry);
        read_member(reader, &line, &entry);
    }
    write_entry(&entry);
}

static const struct {
    const char *key;
    void (*run)(struct reader *reader);
} sections[] = {{"write_files:", write_files}, {"runcmd:", run_commands}};

static void skip_section(struct reader *reader, const struct line *line)
{
    struct line next;
    if (!line->indent && isalpha((unsigned char)*line->text))
        printf("cloud-init: \"%.*s\" in #cloud-config is not supported by Pileus\n",
               (int)strcspn(line->text, ":\n"), line->text);
    skip(reader);
    while (peek(reader, &next) && (!next.size || next.indent > 0 || *next.text == '-'))
        skip(reader);
}

/* cloud-init runs its modules in an order of its own: files are there before commands run. */
void cloud_config_run(const char *text)
{
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        struct reader reader = {text};
        struct line line;
        while (peek(&reader, &line)) {
            bool wanted = !line.indent && !strncmp(line.text, sections[i].key, line.size);
            bool known = false;
            for (size_t j = 0; j < sizeof sections / sizeof *sections; j++)
                known |= !strncmp(line.text, sections[j].key, strlen(sections[j].key));
            if (wanted && line.size) {
                skip(&reader);
                sections[i].run(&reader);
            } else if (is_blank(&line) || known || i) {
                skip(&reader);
            } else {
                skip_section(&reader, &line);
            }
        }
    }
}

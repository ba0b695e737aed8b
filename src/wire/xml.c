#include "wire/xml.h"

#include <string.h>

/* `before`, the name and `after` in one piece: names are most of an answer. */
static void append_tag(struct buf *out, const char *before, const char *name, const char *after)
{
    size_t before_size = strlen(before), name_size = strlen(name), after_size = strlen(after);
    size_t size = before_size + name_size + after_size;
    if (!buf_reserve(out, size))
        return;
    char *at = out->data + out->size;
    memcpy(at, before, before_size);
    memcpy(at + before_size, name, name_size);
    memcpy(at + before_size + name_size, after, after_size + 1);
    out->size += size;
}

void xml_open(struct buf *out, const char *name)
{
    append_tag(out, "<", name, ">");
}

void xml_close(struct buf *out, const char *name)
{
    append_tag(out, "</", name, ">");
}

void xml_empty(struct buf *out, const char *name)
{
    append_tag(out, "<", name, "/>");
}

/* What stands for a byte in XML text; NULL if it stands for itself. */
static const char *escape_of(unsigned char byte)
{
    switch (byte) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\r':
        return "&#xD;"; /* as it is, a parser would read a line feed */
    case '\n':
    case '\t':
        return NULL;
    default:
        return byte < 0x20 || byte == 0x7f ? "\xef\xbf\xbd" : NULL;
    }
}

void xml_text(struct buf *out, const char *text, size_t size)
{
    size_t begin = 0;
    for (size_t i = 0; i < size; i++) {
        const char *escape = escape_of((unsigned char)text[i]);
        if (escape) {
            buf_append(out, text + begin, i - begin);
            buf_append_string(out, escape);
            begin = i + 1;
        }
    }
    buf_append(out, text + begin, size - begin);
}

void xml_element(struct buf *out, const char *name, const char *text)
{
    xml_open(out, name);
    xml_text(out, text, strlen(text));
    xml_close(out, name);
}

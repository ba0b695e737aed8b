#include "wire/xml.h"

#include <string.h>

void xml_open(struct buf *out, const char *name)
{
    buf_append_char(out, '<');
    buf_append_string(out, name);
    buf_append_char(out, '>');
}

void xml_close(struct buf *out, const char *name)
{
    buf_append(out, "</", 2);
    buf_append_string(out, name);
    buf_append_char(out, '>');
}

void xml_empty(struct buf *out, const char *name)
{
    buf_append_char(out, '<');
    buf_append_string(out, name);
    buf_append(out, "/>", 2);
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

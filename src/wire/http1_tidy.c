/* Makes a malformed request fit to be sent on. */
#include "wire/http1_internal.h"

#include <string.h>

static bool is_control(char byte)
{
    return ((unsigned char)byte < ' ' && byte != '\t') || byte == 0x7f;
}

/* A line end with the white space behind it is one space, another control byte is one. */
static char *write_value(struct http1_header *header, char *out)
{
    const char *at = header->value.data, *end = at + header->value.size;
    char *begin = out;
    while (at < end) {
        if (*at == '\n' || (*at == '\r' && at + 1 < end && at[1] == '\n')) {
            at += *at == '\r' ? 2 : 1;
            while (at < end && (*at == ' ' || *at == '\t'))
                at++;
            *out++ = ' ';
        } else {
            *out++ = is_control(*at) ? ' ' : *at;
            at++;
        }
    }
    header->value = http1_trimmed(begin, out);
    return out;
}

/* A fragment has no place in a request target: its "#" is written as what it is, a byte. */
static bool is_escaped(char byte)
{
    return (unsigned char)byte <= ' ' || byte == 0x7f || byte == '#';
}

static char *write_target(struct http1_head *head, char *out)
{
    static const char digits[] = "0123456789ABCDEF";
    char *begin = out;
    for (size_t i = 0; i < head->target.size; i++) {
        unsigned char byte = (unsigned char)head->target.data[i];
        if (is_escaped((char)byte)) {
            *out++ = '%';
            *out++ = digits[byte >> 4];
            *out++ = digits[byte & 15];
        } else {
            *out++ = (char)byte;
        }
    }
    head->target = (struct slice){begin, (size_t)(out - begin)};
    return out;
}

void http1_tidy(struct http1_head *head, char *out)
{
    if (!head->malformed)
        return;
    out = write_target(head, out);
    for (int i = 0; i < head->header_count; i++)
        if (http1_has_control(head->headers[i].value))
            out = write_value(&head->headers[i], out);
    head->malformed = false;
}

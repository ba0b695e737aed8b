#include "wire/uri.h"

#include <string.h>

static bool is_unreserved(unsigned char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= 'a' && byte <= 'z') || (byte && strchr("-._~", byte));
}

void uri_encode(struct buf *out, const char *data, size_t size, bool keep_slash)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)data[i];
        if (is_unreserved(byte) || (keep_slash && byte == '/')) {
            buf_append_char(out, (char)byte);
        } else {
            const char coded[] = {'%', digits[byte >> 4], digits[byte & 15]};
            buf_append(out, coded, sizeof(coded));
        }
    }
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return -1;
}

bool uri_decode(struct buf *out, const char *text, size_t size, bool plus_is_space)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] != '%') {
            buf_append_char(out, plus_is_space && text[i] == '+' ? ' ' : text[i]);
            continue;
        }
        int high = i + 2 < size ? hex_value(text[i + 1]) : -1;
        int low = i + 2 < size ? hex_value(text[i + 2]) : -1;
        if (high < 0 || low < 0)
            return false;
        buf_append_char(out, (char)(high * 16 + low));
        i += 2;
    }
    return !out->failed;
}

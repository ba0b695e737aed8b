#include "base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_reset(struct buf *buf)
{
    free(buf->data);
    size_t limit = buf->size_limit;
    *buf = (struct buf){.size_limit = limit};
}

void buf_clear(struct buf *buf)
{
    buf->size = 0;
    buf->failed = false;
    if (buf->data)
        buf->data[0] = 0;
}

static bool buf_fail(struct buf *buf)
{
    buf->failed = true;
    return false;
}

bool buf_reserve(struct buf *buf, size_t size)
{
    if (buf->failed)
        return false;
    if (size > SIZE_MAX / 4 - buf->size)
        return buf_fail(buf);
    size_t need = buf->size + size;
    if (buf->size_limit && need > buf->size_limit)
        return buf_fail(buf);
    if (need + 1 <= buf->capacity)
        return true;
    size_t capacity = buf->capacity ? buf->capacity : 64;
    while (capacity < need + 1)
        capacity *= 2;
    char *data = realloc(buf->data, capacity);
    if (!data)
        return buf_fail(buf);
    buf->data = data;
    buf->capacity = capacity;
    return true;
}

void buf_append(struct buf *buf, const void *data, size_t size)
{
    if (!buf_reserve(buf, size))
        return;
    if (size)
        memcpy(buf->data + buf->size, data, size);
    buf->size += size;
    buf->data[buf->size] = 0;
}

void buf_append_string(struct buf *buf, const char *string)
{
    buf_append(buf, string, strlen(string));
}

void buf_append_char(struct buf *buf, char byte)
{
    buf_append(buf, &byte, 1);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (size < 0 || !buf_reserve(buf, (size_t)size)) {
        buf->failed = true;
        return;
    }
    va_start(args, format);
    vsnprintf(buf->data + buf->size, (size_t)size + 1, format, args);
    va_end(args);
    buf->size += (size_t)size;
}

void buf_consume(struct buf *buf, size_t size)
{
    if (size >= buf->size) {
        buf_clear(buf);
        return;
    }
    memmove(buf->data, buf->data + size, buf->size - size + 1);
    buf->size -= size;
}

char *buf_take(struct buf *buf)
{
    if (!buf_reserve(buf, 0))
        return NULL;
    char *data = buf->data;
    data[buf->size] = 0;
    buf->data = NULL;
    buf_reset(buf);
    return data;
}

/* A growing byte string with a limit. Failure is sticky: append freely, check `failed` once. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *data;        /* always NUL-terminated once anything was appended; NULL when empty */
    size_t size;       /* bytes in use, without the NUL */
    size_t capacity;   /* bytes allocated */
    size_t size_limit; /* size never exceeds it; 0 means no limit */
    bool failed;       /* an append did not fit or memory ran out; contents are then unusable */
};

/* Frees the contents; the buf is empty and usable again. */
void buf_reset(struct buf *buf);
/* Forgets the contents but keeps the memory. */
void buf_clear(struct buf *buf);
/* Makes room for `size` more bytes. False (and failed) if the limit or memory does not allow it. */
bool buf_reserve(struct buf *buf, size_t size);
void buf_append(struct buf *buf, const void *data, size_t size);
void buf_append_string(struct buf *buf, const char *string);
void buf_append_char(struct buf *buf, char byte);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Drops the first `size` bytes. */
void buf_consume(struct buf *buf, size_t size);
/* Moves the contents out as a malloc'd NUL-terminated string (never NULL unless failed). */
char *buf_take(struct buf *buf);

/* Resets at the end of the scope. */
#define auto_buf __attribute__((cleanup(buf_reset))) struct buf

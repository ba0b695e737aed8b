#include "balancer/log.h"

#include "balancer/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHUNK_SIZE = 64 * 1024,     /* handed over from this size on */
    LINE_SIZE_MAX = 256 * 1024, /* of the longest head, escaped */
    FLUSH_MS = 1000,
};
static const size_t WAITING_MAX = (size_t)32 * 1024 * 1024;

void log_chunk_free(struct log_chunk *chunk)
{
    buf_reset(&chunk->lines);
    free(chunk);
}

static void hand_over(struct log_buffer *buffer, struct log_chunk *chunk)
{
    list_remove(&chunk->link);
    atomic_fetch_add(&buffer->budget->waiting, chunk->lines.size);
    buffer->hand_over(buffer->owner, chunk);
}

void log_buffer_flush(struct log_buffer *buffer)
{
    loop_timer_clear(buffer->loop, &buffer->flush);
    list_each_safe (chunk, &buffer->open, struct log_chunk, link)
        hand_over(buffer, chunk);
}

int64_t log_time_us(const struct log_buffer *buffer, int64_t mono_us)
{
    return cloud_clock_at(loop_cloud_clock(buffer->loop), mono_us / 1000) * 1000 + mono_us % 1000;
}

static void on_flush(struct loop_timer *timer)
{
    log_buffer_flush(timer->owner);
}

void log_buffer_init(struct log_buffer *buffer, struct loop *loop)
{
    *buffer = (struct log_buffer){.loop = loop};
    list_init(&buffer->open);
    loop_timer_init(&buffer->flush, on_flush, buffer);
}

static struct log_chunk *find_open(struct log_buffer *buffer, enum log_kind kind, const char *name,
                                   uint32_t node_address)
{
    list_each (chunk, &buffer->open, struct log_chunk, link)
        if (chunk->head.node_address == node_address && chunk->head.kind == (uint32_t)kind &&
            strcmp(chunk->head.load_balancer, name) == 0)
            return chunk;
    return NULL;
}

static struct log_chunk *open_chunk(struct log_buffer *buffer, enum log_kind kind, const char *name,
                                    uint32_t node_address)
{
    struct log_chunk *chunk = calloc(1, sizeof *chunk);
    if (!chunk)
        return NULL;
    chunk->head.node_address = node_address;
    chunk->head.kind = (uint32_t)kind;
    chunk->head.dropped = buffer->dropped;
    snprintf(chunk->head.load_balancer, sizeof chunk->head.load_balancer, "%s", name);
    chunk->lines.size_limit = CHUNK_SIZE + LINE_SIZE_MAX;
    buffer->dropped = 0;
    if (list_empty(&buffer->open))
        loop_timer_set(buffer->loop, &buffer->flush, FLUSH_MS);
    list_prepend(&buffer->open, &chunk->link);
    return chunk;
}

struct log_chunk *log_line_begin(struct log_buffer *buffer, enum log_kind kind,
                                 const struct load_balancer *load_balancer, const struct node *node)
{
    const char *name = load_balancer->name;
    struct log_chunk *chunk = NULL;
    if (atomic_load_explicit(&buffer->budget->waiting, memory_order_relaxed) < WAITING_MAX) {
        chunk = find_open(buffer, kind, name, node->address);
        if (!chunk)
            chunk = open_chunk(buffer, kind, name, node->address);
    }
    if (!chunk)
        buffer->dropped++;
    return chunk;
}

void log_line_end(struct log_buffer *buffer, struct log_chunk *chunk)
{
    if (chunk->lines.failed) { /* memory ran out: nobody knows where the last line ends */
        buffer->dropped++;
        list_remove(&chunk->link);
        log_chunk_free(chunk);
    } else if (chunk->lines.size >= CHUNK_SIZE) {
        hand_over(buffer, chunk);
    }
}

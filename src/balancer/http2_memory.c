#include "balancer/http2_memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 7 * 4096, ALIGNMENT = 16 };

/* The beginning of a block: how much of it is taken. What a session asks for later is malloc()'s.
 */
struct block {
    size_t used;
};

static void *allocate(size_t size, void *user_data)
{
    struct block *block = user_data;
    size_t rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (size > BLOCK_SIZE || rounded > BLOCK_SIZE - block->used)
        return malloc(size);
    char *place = (char *)block + block->used;
    block->used += rounded;
    return place;
}

/* What lies in the block ends with it. */
static void release(void *memory, void *user_data)
{
    (void)user_data;
    if (!rest_owns(memory))
        free(memory);
}

static void *allocate_zeroed(size_t count, size_t size, void *user_data)
{
    size_t total;
    void *memory = __builtin_mul_overflow(count, size, &total) ? NULL : allocate(total, user_data);
    return memory ? memset(memory, 0, total) : NULL;
}

static void *resize(void *memory, size_t size, void *user_data)
{
    if (!memory)
        return allocate(size, user_data);
    if (!rest_owns(memory))
        return realloc(memory, size);
    size_t room = (size_t)((char *)user_data + BLOCK_SIZE - (char *)memory);
    void *moved = malloc(size);
    return moved ? memcpy(moved, memory, size < room ? size : room) : NULL;
}

nghttp2_session *http2_memory_session(struct rest_set *set, bool server,
                                      const nghttp2_session_callbacks *callbacks, void *owner,
                                      const nghttp2_option *option)
{
    struct block *block = rest_take(set, BLOCK_SIZE);
    nghttp2_mem memory = {block, allocate, release, allocate_zeroed, resize};
    nghttp2_session *session;
    if (block)
        block->used = (sizeof *block + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    int result = (server ? nghttp2_session_server_new3 : nghttp2_session_client_new3)(
        &session, callbacks, owner, option, block ? &memory : NULL);
    if (block)
        block->used = BLOCK_SIZE;
    if (result != 0 && block)
        rest_give_back(block);
    return result == 0 ? session : NULL;
}

void http2_memory_end(nghttp2_session *session)
{
    nghttp2_session_del(session);
    if (rest_owns(session))
        rest_give_back(session);
}

#include "balancer/http2_memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { PAGE_SIZE_BYTES = 4096, LARGE_SIZE = 16 * 1024 };

/*
 * malloc() gives what others have used, which is in memory. Of a large block, the whole pages go
 * back to the kernel, to come again, empty, when they are written to.
 */
static void *allocate(size_t size, void *user_data)
{
    char *block = malloc(size);
    (void)user_data;
    if (block && size >= LARGE_SIZE) {
        uintptr_t start =
            ((uintptr_t)block + PAGE_SIZE_BYTES - 1) & ~(uintptr_t)(PAGE_SIZE_BYTES - 1);
        uintptr_t end = ((uintptr_t)block + size) & ~(uintptr_t)(PAGE_SIZE_BYTES - 1);
        madvise((void *)start, end - start, MADV_DONTNEED);
    }
    return block;
}

static void release(void *block, void *user_data)
{
    (void)user_data;
    free(block);
}

static void *allocate_zeroed(size_t count, size_t size, void *user_data)
{
    (void)user_data;
    return calloc(count, size);
}

static void *resize(void *block, size_t size, void *user_data)
{
    return block ? realloc(block, size) : allocate(size, user_data);
}

nghttp2_mem *http2_memory(void)
{
    static nghttp2_mem memory = {NULL, allocate, release, allocate_zeroed, resize};
    return &memory;
}

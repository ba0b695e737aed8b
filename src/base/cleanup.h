/* Cleanup by attribute: a variable declared with one of these is released when its scope ends. */
#pragma once

#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *pointer)
{
    free(*(void **)pointer);
}

static inline void cleanup_fd(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* Frees with free(); the empty value is NULL. */
#define auto_free __attribute__((cleanup(cleanup_free)))
/* Closes; the empty value is -1. */
#define auto_fd __attribute__((cleanup(cleanup_fd)))

/* Moves ownership out of an auto_fd variable: returns the descriptor and leaves -1. */
static inline int fd_take(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

/* Moves ownership out of an auto_free variable: returns the pointer and leaves NULL. */
#define ptr_take(pointer_to_variable)                                                              \
    __extension__({                                                                                \
        __typeof__(*(pointer_to_variable)) taken_ = *(pointer_to_variable);                        \
        *(pointer_to_variable) = NULL;                                                             \
        taken_;                                                                                    \
    })

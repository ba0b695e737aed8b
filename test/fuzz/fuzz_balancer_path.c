#include "balancer/rewrite.h"
#include "balancer/rules.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A normalised path is never longer and has no dot segments. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size || size > 16384 || data[0] != '/')
        return 0;
    struct slice path = split_target((struct slice){(const char *)data, size}).path;
    char *once = malloc(path.size);
    size_t once_size = rules_normalise_path(path, once);
    assert(once_size <= path.size && once_size > 0 && once[0] == '/');
    assert(!memmem(once, once_size, "/../", 4) && !memmem(once, once_size, "/./", 3));
    free(once);
    return 0;
}

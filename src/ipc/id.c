#include "ipc/id.h"

#include <string.h>

bool id_is_valid(const char id[ID_SIZE], const char *prefix)
{
    size_t length = strnlen(id, ID_SIZE), prefix_size = strlen(prefix);
    return length < ID_SIZE && length > prefix_size && memcmp(id, prefix, prefix_size) == 0 &&
           id[0] != '-' && strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

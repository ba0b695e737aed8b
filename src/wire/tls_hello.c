#include "wire/tls_hello.h"

#include <string.h>

enum { HOST_NAME = 0, NAME_SIZE_MAX = 255 };

/* A list of names, each with its type; only one type was ever defined, and only one name of it. */
bool tls_hello_server_name(const uint8_t *data, size_t size, struct slice *name)
{
    if (size < 5 || (size_t)(data[0] << 8 | data[1]) != size - 2 || data[2] != HOST_NAME)
        return false;
    size_t name_size = (size_t)(data[3] << 8 | data[4]);
    if (name_size != size - 5 || name_size < 1 || name_size > NAME_SIZE_MAX ||
        memchr(data + 5, '\0', name_size))
        return false;
    *name = (struct slice){(const char *)data + 5, name_size};
    return true;
}

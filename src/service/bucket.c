#include "service/bucket.h"

#include <ctype.h>
#include <string.h>

enum { NAME_SIZE_MIN = 3, NAME_SIZE_MAX = 63, PREFIX_SIZE_MAX = 512, PART_SIZE_MAX = 255 };

bool bucket_name_is_valid(const char *name)
{
    size_t size = strlen(name);
    if (size < NAME_SIZE_MIN || size > NAME_SIZE_MAX || strstr(name, "..") ||
        !isalnum((unsigned char)name[0]) || !isalnum((unsigned char)name[size - 1]))
        return false;
    for (const char *at = name; *at; at++)
        if (!(isdigit((unsigned char)*at) || islower((unsigned char)*at) || strchr("-.", *at)))
            return false;
    return true;
}

bool bucket_prefix_is_valid(const char *prefix)
{
    if (strlen(prefix) > PREFIX_SIZE_MAX || strstr(prefix, "AWSLogs"))
        return false;
    for (const char *at = prefix;; at++) {
        size_t size = strcspn(at, "/");
        if (!size || size > PART_SIZE_MAX ||
            (at[0] == '.' && (size == 1 || (size == 2 && at[1] == '.'))))
            return false;
        for (size_t i = 0; i < size; i++)
            if (!isalnum((unsigned char)at[i]) && !strchr("!-_.*'()=", at[i]))
                return false;
        at += size;
        if (!*at)
            return true;
    }
}

/* Where logs go: names of S3 buckets, and prefixes of the keys in them. Safe as parts of a path. */
#pragma once

#include <stdbool.h>

/* S3's rules: lower case, digits, hyphens and dots, no two dots together. */
bool bucket_name_is_valid(const char *name);
/* Whether every part between slashes is a name, and none is AWSLogs, which AWS keeps for itself. */
bool bucket_prefix_is_valid(const char *prefix);

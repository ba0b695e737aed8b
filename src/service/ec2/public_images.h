/*
 * The public images of Amazon, Canonical and Debian that templates name, and the SSM parameters
 * that lead to them. They are computed from a table, the same in every region but for their ids,
 * and are backed by the host's own programs (layer "host").
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { PUBLIC_IMAGE_ID_SIZE = 22 }; /* "ami-0", 16 hex digits and NUL */

/* The architecture of this machine, and so of every image: "x86_64" or "arm64". */
const char *public_image_architecture(void);

/* The n-th public image in `region` as an Image with `_layers`, a new reference; NULL past the
 * last. */
json_t *public_image_at(const char *region, size_t index);
/* The public image with this id, a new reference; NULL if none of `region` has it. */
json_t *public_image_find(const char *region, const char *image_id);

struct public_parameter {
    const char *path;                    /* "/aws/service/..." */
    double modified_s;                   /* when it was last changed, seconds since the epoch */
    char image_id[PUBLIC_IMAGE_ID_SIZE]; /* its value */
};

/* The n-th public parameter in `region`; false past the last. */
bool public_parameter_at(const char *region, size_t index, struct public_parameter *ret_parameter);
/* The parameter with this path; false if there is none. */
bool public_parameter_find(const char *region, const char *path,
                           struct public_parameter *ret_parameter);

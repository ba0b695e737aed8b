/*
 * The XML of documents that never change, kept from one answer to the next: writing it anew is what
 * a list of many instances costs. Bounded; what is kept of documents that are gone is forgotten.
 */
#pragma once

#include "base/buf.h"

#include <jansson.h>

struct encode_memo;

/* NULL if memory ran out, which every user takes as "keep nothing". */
struct encode_memo *encode_memo_create(void);
void encode_memo_destroy(struct encode_memo *memo);
/* Appends what was put for a document in a form (the address of a static table); false: nothing. */
bool encode_memo_append(const struct encode_memo *memo, const void *form, const json_t *document,
                        struct buf *out);
/* The bytes are copied, and a reference to the document is held. */
void encode_memo_put(struct encode_memo *memo, const void *form, const json_t *document,
                     const char *bytes, size_t size);

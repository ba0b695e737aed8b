#include "model/encode_memo.h"

#include "base/map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES_MAX = 16 * 1024 * 1024, SWEEP_MIN = 64, KEY_SIZE = 48 };

struct text {
    json_t *document; /* a reference: nothing else can have its address meanwhile */
    size_t size;
    char bytes[];
};

struct encode_memo {
    struct map texts;
    size_t bytes;
    size_t sweep_count; /* so many texts: time to look for those of documents that are gone */
};

struct encode_memo *encode_memo_create(void)
{
    struct encode_memo *memo = calloc(1, sizeof *memo);
    if (memo)
        memo->sweep_count = SWEEP_MIN;
    return memo;
}

static const char *key_of(char key[KEY_SIZE], const void *form, const json_t *document)
{
    snprintf(key, KEY_SIZE, "%p %p", form, (const void *)document);
    return key;
}

static void forget(struct encode_memo *memo, const struct map_entry *entry)
{
    struct text *text = entry->value;
    memo->bytes -= text->size;
    map_remove(&memo->texts, entry->key);
    json_decref(text->document);
    free(text);
}

/* A document that only this memo holds was changed or deleted in the store. */
static void sweep(struct encode_memo *memo, bool all)
{
    for (struct map_entry *entry = memo->texts.first, *next; entry; entry = next) {
        const struct text *text = entry->value;
        next = entry->next;
        if (all || text->document->refcount == 1)
            forget(memo, entry);
    }
    memo->sweep_count = 2 * memo->texts.count + SWEEP_MIN;
}

void encode_memo_destroy(struct encode_memo *memo)
{
    if (!memo)
        return;
    sweep(memo, true);
    map_finish(&memo->texts);
    free(memo);
}

bool encode_memo_append(const struct encode_memo *memo, const void *form, const json_t *document,
                        struct buf *out)
{
    char key[KEY_SIZE];
    const struct text *text = map_get(&memo->texts, key_of(key, form, document));
    if (text)
        buf_append(out, text->bytes, text->size);
    return text;
}

void encode_memo_put(struct encode_memo *memo, const void *form, const json_t *document,
                     const char *bytes, size_t size)
{
    char key[KEY_SIZE];
    if (memo->texts.count >= memo->sweep_count)
        sweep(memo, false);
    if (memo->bytes + size > BYTES_MAX)
        sweep(memo, true);
    struct text *text = size > BYTES_MAX ? NULL : malloc(sizeof *text + size);
    if (!text)
        return;
    if (map_set(&memo->texts, key_of(key, form, document), text) < 0) {
        free(text);
        return;
    }
    *text = (struct text){json_incref((json_t *)(uintptr_t)document), size};
    memcpy(text->bytes, bytes, size);
    memo->bytes += size;
}

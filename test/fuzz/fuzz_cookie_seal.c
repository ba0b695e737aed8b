#include "balancer/cookie_seal.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Nobody but us can make a cookie; and what we make of the bytes as a session is read again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[COOKIE_KEY_SIZE] = "a key that no fuzzer can know...";
    static struct cookie_sealer sealer;
    const struct cookie_owner owner = {key, "app/a/1", "AWSALB"};
    const int64_t now_s = 1795219200;
    struct session session = {0}, read;
    char text[SESSION_TEXT_SIZE];
    assert(!cookie_open(&sealer, &owner, (struct slice){(const char *)data, size}, now_s, &read));
    for (size_t at = 0; at + 16 <= size; at += 16) {
        struct session_entry entry = {.expires_s = now_s + 1 + (int64_t)(at % 7)};
        memcpy(&entry.group, data + at, 8);
        memcpy(&entry.target, data + at + 8, 8);
        session_set(&session, &entry);
        assert(session.count <= SESSION_ENTRIES_MAX);
        assert(session_find(&session, entry.group)->target == entry.target);
    }
    size_t text_size = cookie_seal(&sealer, &owner, &session, now_s, text);
    assert(text_size && text_size < SESSION_TEXT_SIZE);
    assert(cookie_open(&sealer, &owner, (struct slice){text, text_size}, now_s, &read));
    assert(read.count == session.count);
    assert(!memcmp(read.entries, session.entries, (size_t)session.count * sizeof *session.entries));
    return 0;
}

#include "guest/token.h"

#include "base/cleanup.h"
#include "wire/base64.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

enum { MAC_SIZE = 32 };

struct token {
    int64_t expires_ms;
    uint8_t mac[MAC_SIZE];
};

static void sign(const uint8_t key[TOKEN_KEY_SIZE], const char *instance_id, int64_t expires_ms,
                 uint8_t mac[MAC_SIZE])
{
    char text[128];
    unsigned size = 0;

    snprintf(text, sizeof(text), "%lld %s", (long long)expires_ms, instance_id);
    if (!HMAC(EVP_sha256(), key, TOKEN_KEY_SIZE, (const uint8_t *)text, strlen(text), mac, &size))
        abort();
}

void token_issue(const uint8_t key[TOKEN_KEY_SIZE], const char *instance_id, int64_t expires_ms,
                 char text[TOKEN_TEXT_SIZE])
{
    struct token token = {.expires_ms = expires_ms};
    sign(key, instance_id, expires_ms, token.mac);
    auto_free char *encoded = base64_encode(&token, sizeof(token));
    snprintf(text, TOKEN_TEXT_SIZE, "%s", encoded ? encoded : "");
}

bool token_check(const uint8_t key[TOKEN_KEY_SIZE], const char *instance_id, int64_t now_ms,
                 const char *text, size_t size)
{
    struct token token;
    uint8_t mac[MAC_SIZE];
    size_t decoded_size = 0;
    auto_free char *decoded =
        size < TOKEN_TEXT_SIZE ? base64_decode(text, size, &decoded_size) : NULL;

    if (!decoded || decoded_size != sizeof(token))
        return false;
    memcpy(&token, decoded, sizeof(token));
    sign(key, instance_id, token.expires_ms, mac);
    return CRYPTO_memcmp(mac, token.mac, MAC_SIZE) == 0 && token.expires_ms > now_ms;
}

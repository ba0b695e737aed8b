#include "balancer/cookie_seal.h"

#include "os/random.h"
#include "wire/base64.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

enum {
    VERSION = 1,
    NONCE_SIZE = 12,
    TAG_SIZE = 16,
    HEAD_SIZE = 3,
    ENTRY_SIZE = 20,
    ENTRIES_AT = HEAD_SIZE + NONCE_SIZE,
    SEALED_SIZE_MAX = ENTRIES_AT + ENTRY_SIZE * SESSION_ENTRIES_MAX + TAG_SIZE,
    DAY_S = 86400,
    DAYS_MAX = 8, /* no stickiness lasts longer than 7 days */
    CIPHERS = 32,
    NAME_SIZE = 96,
};

struct cookie_cipher {
    uint8_t key[COOKIE_KEY_SIZE];
    char load_balancer[NAME_SIZE], name[16];
    int64_t day;
    uint64_t used; /* turn of the sealer; 0: free */
    EVP_CIPHER_CTX *seal, *open;
};

/* ---- sessions ---- */

uint64_t session_hash(const void *data, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ ((const unsigned char *)data)[i]) * 0x100000001b3;
    return hash;
}

const struct session_entry *session_find(const struct session *session, uint64_t group)
{
    for (int i = 0; i < session->count; i++)
        if (session->entries[i].group == group)
            return &session->entries[i];
    return NULL;
}

void session_remove(struct session *session, uint64_t group)
{
    int kept = 0;
    for (int i = 0; i < session->count; i++)
        if (session->entries[i].group != group)
            session->entries[kept++] = session->entries[i];
    session->count = kept;
}

void session_set(struct session *session, const struct session_entry *entry)
{
    session_remove(session, entry->group);
    if (session->count == SESSION_ENTRIES_MAX)
        session->count--;
    memmove(&session->entries[1], &session->entries[0],
            (size_t)session->count * sizeof *session->entries);
    session->entries[0] = *entry;
    session->count++;
}

/* ---- keys ---- */

static bool derive(const struct cookie_owner *owner, int64_t day, unsigned char out[32])
{
    char text[256] = "pileus stickiness cookie";
    size_t size = strlen(text) + 1;
    size_t name_size = strlen(owner->name) + 1, balancer_size = strlen(owner->load_balancer) + 1;
    if (size + name_size + balancer_size + sizeof day > sizeof text)
        return false;
    memcpy(text + size, owner->name, name_size);
    memcpy(text + size + name_size, owner->load_balancer, balancer_size);
    size += name_size + balancer_size;
    for (int i = 0; i < 8; i++)
        text[size++] = (char)((uint64_t)day >> (56 - 8 * i));
    unsigned int out_size = 32;
    return HMAC(EVP_sha256(), owner->key, COOKIE_KEY_SIZE, (unsigned char *)text, size, out,
                &out_size) != NULL;
}

static void free_cipher(struct cookie_cipher *cipher)
{
    EVP_CIPHER_CTX_free(cipher->seal);
    EVP_CIPHER_CTX_free(cipher->open);
    OPENSSL_cleanse(cipher, sizeof *cipher);
}

static bool make_cipher(struct cookie_cipher *cipher, const struct cookie_owner *owner, int64_t day)
{
    unsigned char key[32];
    cipher->seal = EVP_CIPHER_CTX_new();
    cipher->open = EVP_CIPHER_CTX_new();
    bool made = cipher->seal && cipher->open && derive(owner, day, key) &&
                EVP_EncryptInit_ex(cipher->seal, EVP_aes_256_gcm(), NULL, key, NULL) == 1 &&
                EVP_DecryptInit_ex(cipher->open, EVP_aes_256_gcm(), NULL, key, NULL) == 1;
    OPENSSL_cleanse(key, sizeof key);
    if (!made) {
        free_cipher(cipher);
        return false;
    }
    memcpy(cipher->key, owner->key, COOKIE_KEY_SIZE);
    strncpy(cipher->load_balancer, owner->load_balancer, sizeof cipher->load_balancer - 1);
    strncpy(cipher->name, owner->name, sizeof cipher->name - 1);
    cipher->day = day;
    return true;
}

static bool is_cipher_of(const struct cookie_cipher *cipher, const struct cookie_owner *owner,
                         int64_t day)
{
    return cipher->used && cipher->day == day &&
           CRYPTO_memcmp(cipher->key, owner->key, COOKIE_KEY_SIZE) == 0 &&
           strcmp(cipher->name, owner->name) == 0 &&
           strcmp(cipher->load_balancer, owner->load_balancer) == 0;
}

/* The cipher of a day, which takes the place of the one not used for longest if it is new. */
static struct cookie_cipher *cipher_of(struct cookie_sealer *sealer,
                                       const struct cookie_owner *owner, int64_t day)
{
    if (!sealer->ciphers && !(sealer->ciphers = calloc(CIPHERS, sizeof *sealer->ciphers)))
        return NULL;
    struct cookie_cipher *oldest = sealer->ciphers;
    sealer->turn++;
    for (int i = 0; i < CIPHERS; i++) {
        struct cookie_cipher *cipher = &sealer->ciphers[i];
        if (is_cipher_of(cipher, owner, day)) {
            cipher->used = sealer->turn;
            return cipher;
        }
        if (cipher->used < oldest->used)
            oldest = cipher;
    }
    free_cipher(oldest);
    if (!make_cipher(oldest, owner, day))
        return NULL;
    oldest->used = sealer->turn;
    return oldest;
}

void cookie_sealer_finish(struct cookie_sealer *sealer)
{
    for (int i = 0; sealer->ciphers && i < CIPHERS; i++)
        free_cipher(&sealer->ciphers[i]);
    free(sealer->ciphers);
    OPENSSL_cleanse(sealer, sizeof *sealer);
}

static void take_nonce(struct cookie_sealer *sealer, unsigned char *out)
{
    if (!sealer->nonce_count) {
        random_bytes(sealer->nonces, sizeof sealer->nonces);
        sealer->nonce_count = (int)sizeof sealer->nonces / NONCE_SIZE;
    }
    memcpy(out, sealer->nonces + (size_t)--sealer->nonce_count * NONCE_SIZE, NONCE_SIZE);
}

/* ---- bytes ---- */

static unsigned char *put(unsigned char *at, uint64_t number, int size)
{
    for (int i = size - 1; i >= 0; i--, number >>= 8)
        at[i] = (unsigned char)number;
    return at + size;
}

static uint64_t get(const unsigned char *at, int size)
{
    uint64_t number = 0;
    for (int i = 0; i < size; i++)
        number = number << 8 | at[i];
    return number;
}

size_t cookie_seal(struct cookie_sealer *sealer, const struct cookie_owner *owner,
                   const struct session *session, int64_t now_s, char out[SESSION_TEXT_SIZE])
{
    unsigned char plain[ENTRY_SIZE * SESSION_ENTRIES_MAX], sealed[SEALED_SIZE_MAX], *at = plain;
    int64_t day = now_s / DAY_S;
    struct cookie_cipher *cipher = cipher_of(sealer, owner, day);
    int size = session->count * ENTRY_SIZE, written;
    for (int i = 0; i < session->count; i++) {
        at = put(at, session->entries[i].group, 8);
        at = put(at, session->entries[i].target, 8);
        at = put(at, (uint64_t)session->entries[i].expires_s, 4);
    }
    put(put(sealed, VERSION, 1), (uint64_t)day, 2);
    take_nonce(sealer, sealed + HEAD_SIZE);
    unsigned char *entries = sealed + ENTRIES_AT, *tag = entries + size;
    if (!cipher || EVP_EncryptInit_ex(cipher->seal, NULL, NULL, NULL, sealed + HEAD_SIZE) != 1 ||
        EVP_EncryptUpdate(cipher->seal, NULL, &written, sealed, HEAD_SIZE) != 1 ||
        EVP_EncryptUpdate(cipher->seal, entries, &written, plain, size) != 1 ||
        EVP_EncryptFinal_ex(cipher->seal, tag, &written) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher->seal, EVP_CTRL_GCM_GET_TAG, TAG_SIZE, tag) != 1)
        return 0;
    char *text = base64_encode(sealed, (size_t)ENTRIES_AT + (size_t)size + TAG_SIZE);
    if (!text)
        return 0;
    size_t text_size = strlen(text);
    memcpy(out, text, text_size + 1);
    free(text);
    return text_size;
}

/*
 * The latest day whose last 16 bits are these, up to tomorrow: the clock may have been set back.
 * -1 if it is too long ago.
 */
static int64_t day_of(uint64_t bits, int64_t today)
{
    int64_t tomorrow = today + 1;
    int64_t day = tomorrow - (int64_t)(((uint64_t)tomorrow - bits) & 0xffff);
    return today - day <= DAYS_MAX ? day : -1;
}

static bool open_entries(struct cookie_cipher *cipher, unsigned char *sealed, int size,
                         unsigned char *plain)
{
    int written;
    return EVP_DecryptInit_ex(cipher->open, NULL, NULL, NULL, sealed + HEAD_SIZE) == 1 &&
           EVP_DecryptUpdate(cipher->open, NULL, &written, sealed, HEAD_SIZE) == 1 &&
           EVP_DecryptUpdate(cipher->open, plain, &written, sealed + ENTRIES_AT, size) == 1 &&
           EVP_CIPHER_CTX_ctrl(cipher->open, EVP_CTRL_GCM_SET_TAG, TAG_SIZE,
                               sealed + ENTRIES_AT + size) == 1 &&
           EVP_DecryptFinal_ex(cipher->open, plain + size, &written) == 1;
}

static bool open_sealed(struct cookie_sealer *sealer, const struct cookie_owner *owner,
                        unsigned char *sealed, size_t sealed_size, int64_t now_s,
                        struct session *out)
{
    unsigned char plain[SEALED_SIZE_MAX];
    if (sealed_size < ENTRIES_AT + TAG_SIZE || sealed_size > SEALED_SIZE_MAX ||
        (sealed_size - ENTRIES_AT - TAG_SIZE) % ENTRY_SIZE || sealed[0] != VERSION)
        return false;
    int size = (int)(sealed_size - ENTRIES_AT - TAG_SIZE);
    int64_t day = day_of(get(sealed + 1, 2), now_s / DAY_S);
    struct cookie_cipher *cipher = day < 0 ? NULL : cipher_of(sealer, owner, day);
    if (!cipher || !open_entries(cipher, sealed, size, plain))
        return false;
    for (int i = 0; i < size; i += ENTRY_SIZE) {
        struct session_entry entry = {get(plain + i, 8), get(plain + i + 8, 8),
                                      (int64_t)get(plain + i + 16, 4)};
        if (entry.expires_s > now_s)
            out->entries[out->count++] = entry;
    }
    return true;
}

bool cookie_open(struct cookie_sealer *sealer, const struct cookie_owner *owner, struct slice value,
                 int64_t now_s, struct session *out)
{
    size_t size;
    out->count = 0;
    if (value.size >= SESSION_TEXT_SIZE)
        return false;
    char *sealed = base64_decode(value.data, value.size, &size);
    bool opened = sealed && open_sealed(sealer, owner, (unsigned char *)sealed, size, now_s, out);
    free(sealed);
    return opened;
}

#include "service/ec2/key_material.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "wire/base64.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

enum {
    RSA_BITS_MIN = 1024,
    RSA_BITS_MAX = 4096,
    ED25519_SIZE = 32,
    PEM_LINE_SIZE = 70,     /* of OpenSSH's private keys */
    OPENSSH_BLOCK_SIZE = 8, /* the private section is padded to it */
    PUBLIC_KEY_SIZE_MAX = 8192,
};

static void cleanup_pkey(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void cleanup_bio(BIO **bio)
{
    BIO_free(*bio);
}

static void cleanup_number(BIGNUM **number)
{
    BN_free(*number);
}

#define auto_pkey   __attribute__((cleanup(cleanup_pkey))) EVP_PKEY
#define auto_bio    __attribute__((cleanup(cleanup_bio))) BIO
#define auto_number __attribute__((cleanup(cleanup_number))) BIGNUM

static int bad_format(struct err *err)
{
    return err_aws(err, "InvalidKey.Format", "Key is not in valid OpenSSH public key format");
}

static int crypto_failed(struct err *err)
{
    return err_set(err, "the cryptographic library could not process a key");
}

/* "aa:bb:..." of a digest. */
static char *digest_in_hex(const EVP_MD *kind, const void *data, size_t size)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_size = 0;
    if (EVP_Digest(data, size, digest, &digest_size, kind, NULL) != 1)
        return NULL;
    auto_buf text = {0};
    for (unsigned i = 0; i < digest_size; i++)
        buf_printf(&text, i ? ":%02x" : "%02x", digest[i]);
    return text.failed ? NULL : buf_take(&text);
}

/* ---- SSH's wire form: big-endian lengths before bytes ---- */

static void put_u32(struct buf *out, uint32_t value)
{
    uint8_t bytes[4] = {value >> 24, value >> 16, value >> 8, value};
    buf_append(out, bytes, sizeof bytes);
}

static void put_bytes(struct buf *out, const void *data, size_t size)
{
    put_u32(out, size);
    buf_append(out, data, size);
}

static void put_string(struct buf *out, const char *string)
{
    put_bytes(out, string, strlen(string));
}

/* A positive number: a zero byte goes first if the top bit is set. */
static void put_number(struct buf *out, const BIGNUM *number)
{
    uint8_t bytes[1 + RSA_BITS_MAX / 8] = {0};
    int size = BN_num_bytes(number);
    if (size > RSA_BITS_MAX / 8) {
        out->failed = true;
        return;
    }
    BN_bn2bin(number, bytes + 1);
    bool sign = bytes[1] & 0x80;
    put_bytes(out, sign ? bytes : bytes + 1, size + sign);
}

struct reader {
    const uint8_t *data;
    size_t size;
};

static int take_bytes(struct reader *in, const uint8_t **ret_data, size_t *ret_size)
{
    if (in->size < 4)
        return -1;
    size_t size = (size_t)in->data[0] << 24 | in->data[1] << 16 | in->data[2] << 8 | in->data[3];
    if (size > in->size - 4)
        return -1;
    *ret_data = in->data + 4;
    *ret_size = size;
    in->data += 4 + size;
    in->size -= 4 + size;
    return 0;
}

/* "ssh-rsa BASE64" */
static char *public_line(const char *algorithm, const struct buf *blob)
{
    if (blob->failed)
        return NULL;
    auto_free char *encoded = base64_encode(blob->data, blob->size);
    auto_buf line = {0};
    if (encoded)
        buf_printf(&line, "%s %s", algorithm, encoded);
    return encoded && !line.failed ? buf_take(&line) : NULL;
}

static char *rsa_public_line(EVP_PKEY *pkey)
{
    auto_number *e = NULL, *n = NULL;
    if (!EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) ||
        !EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n))
        return NULL;
    auto_buf blob = {0};
    put_string(&blob, "ssh-rsa");
    put_number(&blob, e);
    put_number(&blob, n);
    return public_line("ssh-rsa", &blob);
}

/* ---- creating ---- */

static char *bio_text(BIO *bio)
{
    char *data = NULL;
    long size = BIO_get_mem_data(bio, &data);
    return size > 0 ? strndup(data, size) : NULL;
}

/* AWS shows the SHA-1 of the private key as PKCS #8 for keys that it made. */
static char *private_fingerprint(EVP_PKEY *pkey)
{
    auto_bio *der = BIO_new(BIO_s_mem());
    char *data = NULL;
    if (!der || i2d_PKCS8PrivateKey_bio(der, pkey, NULL, NULL, 0, NULL, NULL) != 1)
        return NULL;
    long size = BIO_get_mem_data(der, &data);
    return digest_in_hex(EVP_sha1(), data, size);
}

int key_material_create_rsa(const char *pem, struct key_material *key, struct err *err)
{
    auto_bio *in = BIO_new_mem_buf(pem, -1), *out = BIO_new(BIO_s_mem());
    auto_pkey *pkey = in ? PEM_read_bio_PrivateKey(in, NULL, NULL, NULL) : NULL;
    *key = (struct key_material){.type = "rsa"};
    if (!pkey || !out ||
        PEM_write_bio_PrivateKey_traditional(out, pkey, NULL, NULL, 0, NULL, NULL) != 1)
        return crypto_failed(err);
    key->private_key = bio_text(out);
    key->public_line = rsa_public_line(pkey);
    key->fingerprint = private_fingerprint(pkey);
    if (key->private_key && key->public_line && key->fingerprint)
        return 0;
    key_material_finish(key);
    return crypto_failed(err);
}

static void ed25519_public_blob(const uint8_t public_key[ED25519_SIZE], struct buf *out)
{
    put_string(out, "ssh-ed25519");
    put_bytes(out, public_key, ED25519_SIZE);
}

/* AWS shows the SHA-256 of the SSH blob in base64, as ssh-keygen -l does. */
static int ed25519_describe(const uint8_t public_key[ED25519_SIZE], struct key_material *key,
                            struct err *err)
{
    auto_buf blob = {0};
    ed25519_public_blob(public_key, &blob);
    uint8_t digest[32];
    if (blob.failed || EVP_Digest(blob.data, blob.size, digest, NULL, EVP_sha256(), NULL) != 1)
        return crypto_failed(err);
    key->type = "ed25519";
    key->public_line = public_line("ssh-ed25519", &blob);
    key->fingerprint = base64_encode(digest, sizeof digest);
    if (key->public_line && key->fingerprint)
        return 0;
    key_material_finish(key);
    return crypto_failed(err);
}

/* The section that ssh encrypts when there is a passphrase (PROTOCOL.key of OpenSSH). */
static void openssh_private_section(const uint8_t random[KEY_RANDOM_SIZE],
                                    const uint8_t public_key[ED25519_SIZE], struct buf *out)
{
    const uint8_t *check = random + ED25519_SIZE;
    buf_append(out, check, 4);
    buf_append(out, check, 4);
    ed25519_public_blob(public_key, out);
    put_u32(out, 2 * ED25519_SIZE);
    buf_append(out, random, ED25519_SIZE);
    buf_append(out, public_key, ED25519_SIZE);
    put_string(out, ""); /* comment */
    for (char pad = 1; out->size % OPENSSH_BLOCK_SIZE; pad++)
        buf_append_char(out, pad);
}

static char *openssh_private_key(const uint8_t random[KEY_RANDOM_SIZE],
                                 const uint8_t public_key[ED25519_SIZE])
{
    static const char magic[] = "openssh-key-v1"; /* its NUL is part of the form */
    auto_buf blob = {0}, section = {0}, whole = {0}, pem = {0};
    ed25519_public_blob(public_key, &blob);
    openssh_private_section(random, public_key, &section);
    buf_append(&whole, magic, sizeof magic);
    put_string(&whole, "none"); /* cipher */
    put_string(&whole, "none"); /* key derivation */
    put_string(&whole, "");
    put_u32(&whole, 1); /* keys */
    put_bytes(&whole, blob.data, blob.size);
    put_bytes(&whole, section.data, section.size);
    auto_free char *encoded = base64_encode(whole.data, whole.size);
    if (!encoded || blob.failed || section.failed || whole.failed)
        return NULL;
    buf_append_string(&pem, "-----BEGIN OPENSSH PRIVATE KEY-----\n");
    for (size_t i = 0; i < strlen(encoded); i += PEM_LINE_SIZE)
        buf_printf(&pem, "%.*s\n", PEM_LINE_SIZE, encoded + i);
    buf_append_string(&pem, "-----END OPENSSH PRIVATE KEY-----\n");
    return pem.failed ? NULL : buf_take(&pem);
}

int key_material_create_ed25519(const uint8_t random[KEY_RANDOM_SIZE], struct key_material *key,
                                struct err *err)
{
    uint8_t public_key[ED25519_SIZE];
    size_t size = sizeof public_key;
    auto_pkey *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, random, ED25519_SIZE);
    *key = (struct key_material){0};
    if (!pkey || EVP_PKEY_get_raw_public_key(pkey, public_key, &size) != 1)
        return crypto_failed(err);
    if (ed25519_describe(public_key, key, err) < 0)
        return -1;
    key->private_key = openssh_private_key(random, public_key);
    if (key->private_key)
        return 0;
    key_material_finish(key);
    return crypto_failed(err);
}

/* ---- importing ---- */

/* AWS shows the MD5 of the public key as X.509 for RSA keys that were imported. */
static int rsa_import(EVP_PKEY *pkey, struct key_material *key, struct err *err)
{
    int bits = EVP_PKEY_get_bits(pkey);
    if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
        return bad_format(err);
    uint8_t *der = NULL;
    int size = i2d_PUBKEY(pkey, &der);
    if (size <= 0)
        return crypto_failed(err);
    key->type = "rsa";
    key->public_line = rsa_public_line(pkey);
    key->fingerprint = digest_in_hex(EVP_md5(), der, size);
    OPENSSL_free(der);
    if (key->public_line && key->fingerprint)
        return 0;
    key_material_finish(key);
    return crypto_failed(err);
}

static EVP_PKEY *rsa_from_numbers(const BIGNUM *e, const BIGNUM *n)
{
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;
    if (context && builder && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) &&
        (params = OSSL_PARAM_BLD_to_param(builder)) && EVP_PKEY_fromdata_init(context) == 1 &&
        EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
        pkey = NULL;
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    EVP_PKEY_CTX_free(context);
    return pkey;
}

static int import_rsa_blob(struct reader *in, struct key_material *key, struct err *err)
{
    const uint8_t *e_data, *n_data;
    size_t e_size, n_size;
    if (take_bytes(in, &e_data, &e_size) < 0 || take_bytes(in, &n_data, &n_size) < 0 || in->size ||
        n_size > 1 + RSA_BITS_MAX / 8 || e_size > 8)
        return bad_format(err);
    auto_number *e = BN_bin2bn(e_data, e_size, NULL), *n = BN_bin2bn(n_data, n_size, NULL);
    auto_pkey *pkey = e && n ? rsa_from_numbers(e, n) : NULL;
    return pkey ? rsa_import(pkey, key, err) : bad_format(err);
}

static int import_blob(const char *algorithm, struct reader in, struct key_material *key,
                       struct err *err)
{
    const uint8_t *name, *data;
    size_t name_size, size;
    if (take_bytes(&in, &name, &name_size) < 0 || name_size != strlen(algorithm) ||
        memcmp(name, algorithm, name_size) != 0)
        return bad_format(err);
    if (strcmp(algorithm, "ssh-rsa") == 0)
        return import_rsa_blob(&in, key, err);
    if (strcmp(algorithm, "ssh-ed25519") != 0 || take_bytes(&in, &data, &size) < 0 ||
        size != ED25519_SIZE || in.size)
        return bad_format(err);
    return ed25519_describe(data, key, err);
}

static int import_line(const char *line, struct key_material *key, struct err *err)
{
    char algorithm[16], *encoded = NULL;
    if (sscanf(line, " %15s %ms", algorithm, &encoded) != 2)
        return bad_format(err);
    size_t size = 0;
    auto_free char *blob = base64_decode(encoded, strlen(encoded), &size);
    free(encoded);
    if (!blob)
        return bad_format(err);
    return import_blob(algorithm, (struct reader){(const uint8_t *)blob, size}, key, err);
}

static int import_pem(const char *text, size_t size, struct key_material *key, struct err *err)
{
    auto_bio *bio = BIO_new_mem_buf(text, size);
    auto_pkey *pkey = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
    if (!pkey)
        return bad_format(err);
    if (EVP_PKEY_is_a(pkey, "RSA"))
        return rsa_import(pkey, key, err);
    uint8_t raw[ED25519_SIZE];
    size_t raw_size = sizeof raw;
    if (!EVP_PKEY_is_a(pkey, "ED25519") || EVP_PKEY_get_raw_public_key(pkey, raw, &raw_size) != 1)
        return bad_format(err);
    return ed25519_describe(raw, key, err);
}

int key_material_import(const char *text, size_t size, struct key_material *key, struct err *err)
{
    *key = (struct key_material){0};
    if (size > PUBLIC_KEY_SIZE_MAX || memchr(text, '\0', size))
        return bad_format(err);
    auto_free char *copy = strndup(text, size);
    if (!copy)
        return err_set(err, "out of memory");
    if (strstr(copy, "-----BEGIN PUBLIC KEY-----"))
        return import_pem(copy, size, key, err);
    return import_line(copy, key, err);
}

void key_material_finish(struct key_material *key)
{
    if (key->private_key)
        OPENSSL_cleanse(key->private_key, strlen(key->private_key));
    free(key->private_key);
    free(key->public_line);
    free(key->fingerprint);
    *key = (struct key_material){0};
}

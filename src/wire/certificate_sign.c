/* Signatures by the key of a certificate. */
#include "base/cleanup.h"
#include "wire/base64.h"
#include "wire/certificate_internal.h"

char *certificate_sign(const char *key_pem, const char *digest, const void *data, size_t size,
                       struct err *err)
{
    auto_pkey *key = certificate_key_from_pem(key_pem, err);
    if (!key)
        return NULL;
    size_t signature_size = (size_t)EVP_PKEY_get_size(key);
    auto_free unsigned char *signature = malloc(signature_size);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool done = signature && context &&
                EVP_DigestSignInit_ex(context, NULL, digest, NULL, NULL, key, NULL) == 1 &&
                EVP_DigestSign(context, signature, &signature_size, data, size) == 1;
    EVP_MD_CTX_free(context);
    char *encoded = done ? base64_encode(signature, signature_size) : NULL;
    if (!encoded)
        certificate_failed(err);
    return encoded;
}

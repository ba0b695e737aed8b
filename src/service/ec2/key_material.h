/*
 * Keys in the forms that EC2 hands out and takes in: PEM or OpenSSH private keys, one-line OpenSSH
 * public keys, and the fingerprint that AWS shows for each way a key came to be.
 */
#pragma once

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum { KEY_RANDOM_SIZE = 36 }; /* what key_material_create_ed25519() consumes */

/* All strings are malloc'd; key_material_finish() frees them. */
struct key_material {
    const char *type;  /* "rsa" or "ed25519", static */
    char *private_key; /* NULL for imported keys */
    char *public_line; /* "ssh-rsa AAAA..." without a comment */
    char *fingerprint;
};

/* An RSA key as EC2 hands it out ("BEGIN RSA PRIVATE KEY"), of any PEM. */
int key_material_create_rsa(const char *pem, struct key_material *key, struct err *err);
/* A new Ed25519 key ("BEGIN OPENSSH PRIVATE KEY") from random bytes. */
int key_material_create_ed25519(const uint8_t random[KEY_RANDOM_SIZE], struct key_material *key,
                                struct err *err);
/*
 * Reads a public key as a client sends it: an OpenSSH line or a PEM public key. What is neither
 * fails with InvalidKey.Format.
 */
int key_material_import(const char *text, size_t size, struct key_material *key, struct err *err);
void key_material_finish(struct key_material *key);

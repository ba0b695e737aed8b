/* Certificates for tests: PEM texts made on the spot. */
#pragma once

enum { PEM_TEXT_SIZE = 8192 };

struct test_certificate {
    char certificate[PEM_TEXT_SIZE], key[PEM_TEXT_SIZE];
};

/*
 * A certificate for `names` (separated by commas), valid for a day. `curve` NULL: RSA of `bits`.
 * Signed by `issuer`, or by itself if that is NULL.
 */
struct test_certificate test_certificate(const char *names, const char *curve, int bits,
                                         const struct test_certificate *issuer);

#include "wire/base64.h"
#include "wire/certificate.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINE_SIZE = 64 };

/* What begins like DER is put into PEM, so that mutations reach what is in it. */
static char *text_of(const uint8_t *data, size_t size)
{
    if (size == 0 || data[0] != 0x30)
        return strndup((const char *)data, size);
    char *encoded = base64_encode(data, size), *text = NULL;
    size_t used = 0;
    FILE *out = open_memstream(&text, &used);
    fputs("-----BEGIN CERTIFICATE-----\n", out);
    for (size_t i = 0; i < strlen(encoded); i += LINE_SIZE)
        fprintf(out, "%.*s\n", LINE_SIZE, encoded + i);
    fputs("-----END CERTIFICATE-----\n", out);
    fclose(out);
    free(encoded);
    return text;
}

/* A text may be a certificate, a chain or a key; what is accepted is accepted again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct certificate_facts facts, again;
    struct err err;
    char *text = text_of(data, size);
    if (text && certificate_read(text, &facts, &err) == 0) {
        assert(facts.subject && facts.issuer && facts.serial);
        assert(certificate_read(facts.pem, &again, &err) == 0);
        assert(strcmp(facts.pem, again.pem) == 0 && facts.name_count == again.name_count);
        char *chain = certificate_check_chain(facts.pem, NULL, &err);
        assert(!chain || !*chain);
        free(chain);
        free(certificate_check_chain(facts.pem, text, &err));
        free(certificate_check_key(facts.pem, text, &err));
        certificate_finish(&again);
        certificate_finish(&facts);
    }
    free(text);
    return 0;
}

#include "wire/certificate.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A text may be a certificate, a chain or a key; what is accepted is accepted again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct certificate_facts facts, again;
    struct err err;
    char *text = strndup((const char *)data, size);
    if (!text)
        return 0;
    if (certificate_read(text, &facts, &err) == 0) {
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

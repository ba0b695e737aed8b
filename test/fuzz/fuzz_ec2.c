/* Parameters of RunInstances, the largest input there is, from the bytes to a validated input. */
#include "model/decode.h"
#include "model/validate.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct model_service *service = model_find_service("ec2");
    const struct model_operation *operation = model_find_operation(service, "RunInstances");
    struct err err = {0};
    json_t *in = NULL;
    auto_query query = {0};
    if (query_parse(&query, (const char *)data, size) < 0)
        return 0;
    if (model_decode_query(operation, MODEL_EC2, &query, &in, &err) < 0) {
        assert(err.code[0]);
        return 0;
    }
    if (model_validate(service, operation, MODEL_EC2, in, &err) < 0)
        assert(err.code[0]);
    json_decref(in);
    return 0;
}

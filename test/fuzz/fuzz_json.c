#include "model/decode.h"
#include "model/validate.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct model_service *service = model_find_service("cloudwatch");
    const struct model_operation *operation = model_find_operation(service, "PutMetricAlarm");
    struct err err = {0};
    json_t *in = NULL;
    if (model_decode_json(operation, (const char *)data, size, &in, &err) < 0) {
        assert(err.code[0]);
        return 0;
    }
    if (model_validate(service, operation, MODEL_JSON, in, &err) < 0)
        assert(err.code[0]);
    json_decref(in);
    return 0;
}

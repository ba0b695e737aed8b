/* The reader alone, and a request of an operation whose input has every type. */
#include "model/decode.h"
#include "wire/cbor.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cbor_reader reader = {.data = data, .size = size};
    struct cbor_item item;
    while (cbor_next(&reader, &item) == 0 && cbor_skip(&reader, &item) == 0)
        assert(reader.at <= size);

    struct err err = {0};
    json_t *in = NULL;
    const struct model_operation *operation =
        model_find_operation(model_find_service("cloudwatch"), "PutMetricData");
    if (model_decode_cbor(operation, data, size, &in, &err) == 0)
        json_decref(in);
    else
        assert(err.text[0]);
    return 0;
}

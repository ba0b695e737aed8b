#include "model/decode.h"

int model_decode_json(const struct model_operation *operation, const char *body, size_t size,
                      json_t **ret_in, struct err *err)
{
    json_error_t error = {0};
    json_auto_t *tree =
        size ? json_loadb(body, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error)
             : json_object();
    if (!tree)
        return err_aws(err, "SerializationException", "The request is not valid JSON: %s (line %d)",
                       error.text, error.line);
    return model_decode_tree(operation, tree, ret_in, err);
}

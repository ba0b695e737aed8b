#include "model/model.h"

#include <string.h>

const struct model_service *model_find_service(const char *name)
{
    for (size_t i = 0; model_services[i]; i++)
        if (strcmp(model_services[i]->name, name) == 0)
            return model_services[i];
    return NULL;
}

const struct model_operation *model_find_operation(const struct model_service *service,
                                                   const char *name)
{
    size_t low = 0, high = service->operation_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, service->operations[middle].name);
        if (order == 0)
            return &service->operations[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const struct model_member *model_find_member(const struct model_shape *shape, const char *name)
{
    if (shape->type != MODEL_STRUCTURE)
        return NULL;
    for (size_t i = 0; i < shape->member_count; i++)
        if (strcmp(shape->members[i].name, name) == 0)
            return &shape->members[i];
    return NULL;
}

const struct model_error *model_find_error(const struct model_service *service, const char *code)
{
    for (const struct model_error *error = service->errors; error->shape_name; error++)
        if (strcmp(error->code, code) == 0 || strcmp(error->shape_name, code) == 0)
            return error;
    return NULL;
}

const struct model_member *model_client_token(const struct model_operation *operation)
{
    for (size_t i = 0; operation->input && i < operation->input->member_count; i++)
        if (operation->input->members[i].flags & MODEL_IDEMPOTENCY_TOKEN)
            return &operation->input->members[i];
    return NULL;
}

#include "front/coverage.h"

#include "model/model.h"
#include "service/call.h"

#include <string.h>

static bool works(const struct model_service *service, size_t index)
{
    return service_find(service->name, service->operations[index].name) != NULL;
}

static void print_service(FILE *out, const struct model_service *service)
{
    int working = 0;
    for (size_t i = 0; i < service->operation_count; i++)
        working += works(service, i);
    fprintf(out, "%s: %d of %d operations\n", service->name, working, service->operation_count);
    for (size_t i = 0; i < service->operation_count; i++)
        fprintf(out, "  %s %s\n", works(service, i) ? "+" : "-", service->operations[i].name);
}

int coverage_print(FILE *out, const char *only)
{
    int printed = 0;
    for (size_t i = 0; model_services[i]; i++) {
        if (only && strcmp(only, model_services[i]->name) != 0)
            continue;
        print_service(out, model_services[i]);
        printed++;
    }
    return printed;
}

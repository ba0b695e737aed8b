#include "balancer/response_headers.h"

#include <string.h>
#include <strings.h>

#define KEY(name) "routing.http.response." name ".header_value"

const struct response_header response_headers[RESPONSE_HEADERS] = {
    {KEY("strict_transport_security"), "Strict-Transport-Security"},
    {KEY("content_security_policy"), "Content-Security-Policy"},
    {KEY("x_content_type_options"), "X-Content-Type-Options"},
    {KEY("x_frame_options"), "X-Frame-Options"},
    {KEY("access_control_allow_origin"), "Access-Control-Allow-Origin"},
    {KEY("access_control_allow_methods"), "Access-Control-Allow-Methods"},
    {KEY("access_control_allow_headers"), "Access-Control-Allow-Headers"},
    {KEY("access_control_allow_credentials"), "Access-Control-Allow-Credentials"},
    {KEY("access_control_expose_headers"), "Access-Control-Expose-Headers"},
    {KEY("access_control_max_age"), "Access-Control-Max-Age"},
};

static bool is_called(struct slice name, const char *other)
{
    return name.size == strlen(other) && strncasecmp(name.data, other, name.size) == 0;
}

bool response_header_goes(const struct listener_attributes *attributes, struct slice name)
{
    if (attributes->strips_server && is_called(name, "Server"))
        return true;
    for (int i = 0; attributes->sets_response_headers && i < RESPONSE_HEADERS; i++)
        if (attributes->response_headers[i].size && is_called(name, response_headers[i].name))
            return true;
    return false;
}

void write_response_headers(struct writer *writer, const struct listener_attributes *attributes)
{
    for (int i = 0; attributes->sets_response_headers && i < RESPONSE_HEADERS; i++)
        if (attributes->response_headers[i].size)
            write_slice(writer, attributes->response_headers[i]);
}

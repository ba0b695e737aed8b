#include "service/ec2/interface_request.h"

#include "service/accept.h"
#include "service/doc.h"
#include "service/ec2/interface.h"

static int add_address(struct ec2_addresses_request *request, const json_t *row, struct err *err)
{
    const char *address = doc_text(row, "PrivateIpAddress");
    if (call_accept(row, "PrivateIpAddress Primary", err) < 0)
        return -1;
    if (!*address)
        return err_aws(err, "MissingParameter",
                       "The request must contain the parameter privateIpAddress");
    if (doc_flag(row, "Primary") && request->primary)
        return err_aws(err, "InvalidParameterCombination",
                       "Only one primary private IP address may be specified");
    if (doc_flag(row, "Primary"))
        request->primary = address;
    else
        json_array_append(request->secondary, json_object_get(row, "PrivateIpAddress"));
    return 0;
}

static int read_addresses(const json_t *in, struct ec2_addresses_request *request, struct err *err)
{
    size_t i;
    const json_t *row, *rows = json_object_get(in, "PrivateIpAddresses");
    int64_t count = doc_number(in, "SecondaryPrivateIpAddressCount");
    json_array_foreach (rows, i, row)
        if (add_address(request, row, err) < 0)
            return -1;
    if (count && json_array_size(rows))
        return err_aws(err, "InvalidParameterCombination",
                       "secondaryPrivateIpAddressCount cannot be specified with "
                       "privateIpAddresses");
    if (count < 0 || count >= EC2_ADDRESSES_PER_INTERFACE_MAX)
        return err_aws(err, "InvalidParameterValue",
                       "Invalid value '%lld' for secondaryPrivateIpAddressCount", (long long)count);
    request->count = (int)count;
    return 0;
}

int ec2_addresses_request_read(const json_t *in, struct ec2_addresses_request *request,
                               struct err *err)
{
    const char *primary = doc_text(in, "PrivateIpAddress");
    *request = (struct ec2_addresses_request){
        .primary = *primary ? primary : NULL,
        .secondary = json_array(),
    };
    if (read_addresses(in, request, err) >= 0)
        return 0;
    json_decref(request->secondary);
    request->secondary = NULL;
    return -1;
}

size_t ec2_addresses_request_size(const struct ec2_addresses_request *request)
{
    return 1 + json_array_size(request->secondary) + (size_t)request->count;
}

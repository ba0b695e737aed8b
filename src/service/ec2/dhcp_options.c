/* DescribeDhcpOptions: each region has one set, which names Pileus's own DNS. */
#include "service/accept.h"
#include "service/ec2/describe.h"
#include "service/ec2/handlers.h"

int ec2_DescribeDhcpOptions(struct call *call, struct err *err)
{
    static const struct ec2_filter filters[] = {
        {"dhcp-options-id", "DhcpOptionsId"},
        {"key", "DhcpConfigurations.Key"},
        {"owner-id", "OwnerId"},
        {"value", "DhcpConfigurations.Values.Value"},
        {NULL, NULL},
    };
    static const struct ec2_describe describe = {
        .kind = "dhcp-options",
        .list = "DhcpOptions",
        .selectors = {{"DhcpOptionsIds", "DhcpOptionsId", "dhcp-options"}},
        .filters = filters,
    };
    if (call_accept(call->in, "Filters DhcpOptionsIds MaxResults NextToken", err) < 0)
        return -1;
    return ec2_describe(call, &describe, err);
}

/* The default VPC that every region has from the start. */
#include "service/ec2/cidr.h"
#include "service/ec2/ids.h"
#include "service/ec2/vpc.h"
#include "service/ec2/zones.h"

static const char default_block[] = "172.31.0.0/16";

const json_t *ec2_default_vpc_make(struct call *call)
{
    const json_t *vpc = ec2_vpc_make(call, default_block, true, NULL);
    const json_t *gateway = ec2_internet_gateway_make(call, NULL);
    const char *gateway_id = ec2_text(gateway, "InternetGatewayId");
    struct cidr subnet = {172u << 24 | 31u << 16, 20};
    for (int i = 0; i < EC2_ZONES; i++, subnet.network += 1u << 12) {
        char zone[32], block[20];
        ec2_zone_name(call->region, i, zone);
        cidr_format(subnet, block);
        ec2_subnet_make(call, vpc, block, zone, true, NULL);
    }
    ec2_internet_gateway_attach(call, gateway_id, ec2_text(vpc, "VpcId"));
    ec2_route_add(
        txn_edit(call->txn, "route-table", call->region, ec2_text(vpc, "_main_route_table")),
        "0.0.0.0/0", gateway_id, "CreateRoute");
    return vpc;
}

int ec2_prepare_region(struct call *call, struct err *err)
{
    if (!ec2_region_exists(call->region))
        return err_aws(err, "InvalidParameterValue", "Invalid region provided: %.64s",
                       call->region);
    if (!ec2_default_vpc(call))
        ec2_default_vpc_make(call);
    return 0;
}

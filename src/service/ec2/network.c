#include "service/ec2/network.h"

#include "service/doc.h"
#include "service/ec2/filter.h"

#include <stdlib.h>
#include <string.h>

const json_t *ec2_network_gateway(const struct store *store, const char *region, const char *vpc)
{
    store_each (cursor, store, "internet-gateway", region) {
        if (ec2_path_has(cursor.doc, "Attachments.VpcId", vpc))
            return cursor.doc;
    }
    return NULL;
}

const json_t *ec2_network_peer(const struct store *store, const char *region, const char *vpc,
                               const json_t *peering)
{
    static const char *const sides[] = {"RequesterVpcInfo", "AccepterVpcInfo"};
    if (!doc_is(json_object_get(peering, "Status"), "Code", "active"))
        return NULL;
    for (int i = 0; i < 2; i++)
        if (doc_is(json_object_get(peering, sides[i]), "VpcId", vpc))
            return store_get(store, "vpc", region,
                             doc_text(json_object_get(peering, sides[!i]), "VpcId"));
    return NULL;
}

int ec2_network_protocol(const char *name)
{
    static const struct {
        const char *name;
        int number;
    } names[] = {{"-1", 0}, {"icmp", 1}, {"tcp", 6}, {"udp", 17}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i].name, name))
            return names[i].number;
    int number = (int)strtol(name, NULL, 10);
    return number > 0 && number <= 255 ? number : -1;
}

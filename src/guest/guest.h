/*
 * What instances ask the cloud for: the instance metadata service (IMDS) and DNS. Runs without
 * rights: its sockets, which live in the VPCs' namespaces, are handed to it. A caller is known by
 * the VPC whose socket it used and by its private address, which the fabric lets nobody forge.
 */
#pragma once

#include "base/err.h"
#include "ipc/message.h"
#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct guest;

/* NULL and err on failure. */
struct guest *guest_create(struct loop *loop, struct err *err);
void guest_destroy(struct guest *guest);

/* The sockets of a VPC, non-blocking. */
enum guest_socket {
    GUEST_SOCKET_IMDS,       /* listening TCP; -1 in the host's own */
    GUEST_SOCKET_DNS,        /* UDP */
    GUEST_SOCKET_DNS_STREAM, /* listening TCP */
    GUEST_SOCKETS
};

/*
 * Serves a VPC on these sockets and takes them over, also on failure. Sockets that it had for the
 * VPC are closed. The VPC "" is the host, to which names of instances are public and those below
 * "localhost" are its own.
 */
int guest_add_vpc(struct guest *guest, const char *vpc, const int sockets[GUEST_SOCKETS],
                  struct err *err);
/*
 * What is called each second in which a VPC's logged interfaces had packets. Whoever has no room
 * for it says false, and gets it with what comes later.
 */
typedef bool guest_on_flows(void *owner, const struct message_flows *head, const struct flow *rows);
void guest_set_on_flows(struct guest *guest, guest_on_flows *on_flows, void *owner);
/*
 * Counts the packets that the kernel tells of by this netlink socket, and takes it over, also on
 * failure. -1: there are none any more.
 */
int guest_set_log(struct guest *guest, const char *vpc, int fd, struct err *err);
/* Closes the sockets of a VPC, so that its namespace can end. Harmless if it has none. */
void guest_remove_vpc(struct guest *guest, const char *vpc);

/*
 * What IMDS says to an instance, and its names in DNS; replaces what was there:
 * {"InstanceId", "Vpc", "PrivateIpAddress", "PublicIpAddress"?, "PrivateDnsName", "PublicDnsName"?,
 *  "ResourceDnsName"?,
 *  "ImageId", "InstanceType", "AvailabilityZone", "AvailabilityZoneId"?, "Region", "AccountId",
 *  "Mac", "SecurityGroups": [names], "KeyName"?, "PublicKey"?,
 *  "Interfaces": [{"Mac", "DeviceNumber", "InterfaceId", "Vpc", "VpcCidr", "VpcCidrs": [],
 *                  "SubnetId", "SubnetCidr", "PrivateIpAddresses": [the primary one first],
 *                  "Associations": {public address: [private ones]}, "PrivateDnsName",
 *                  "PublicDnsName", "SecurityGroups": [names], "SecurityGroupIds": []}],
 *  "UserData"? (base64), "ReservationId", "LaunchIndex": 0, "LaunchTime": seconds,
 *  "Architecture", "LifecycleState"?, "Monitoring",
 *  "PlacementGroup"?, "PlacementGroupId"?, "PartitionNumber"?, "Tags": {}?,
 *  "MetadataOptions": {"HttpTokens", "HttpEndpoint", "HttpPutResponseHopLimit",
 *                      "InstanceMetadataTags"}}
 */
int guest_set_metadata(struct guest *guest, const char *instance_id, const char *json, size_t size,
                       struct err *err);
void guest_remove_metadata(struct guest *guest, const char *instance_id);

/*
 * Further DNS names, all of them: {"Names": {name: ["10.0.1.9", ...]},
 * "Vpcs": {"vpc-...": {"DnsSupport": false?, "Names": {name: [...]}?}},
 * "Services": {"Address": "100.64.0.2", "Names": ["ec2", ...]}}. A VPC's own come first; services
 * are what service_name.h reads as one of these, where the VPC has no name of its own for it.
 */
int guest_set_names(struct guest *guest, const char *json, size_t size, struct err *err);

/* The resolver that is asked for names that are not ours; without one they are refused. */
int guest_set_upstream(struct guest *guest, uint32_t address, struct err *err);

/* The address that the host's own resolver would give for a name that this cloud knows by itself.
 */
bool guest_find_address(const struct guest *guest, const char *name, uint32_t *ret_address);

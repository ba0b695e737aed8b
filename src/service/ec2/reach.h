/*
 * Whether packets get from one place of the network to another, and which route, network ACL entry
 * and security group rule decides it: worked out from the documents alone, nothing is sent. It says
 * what `host` does with packets, hop by hop, and is wrong where it does not agree with them.
 */
#pragma once

#include "service/call.h"

/*
 * `question`: texts {"Source", "Destination", "SourceAddress", "DestinationAddress", "Protocol",
 * "Port", "SourcePort"}.
 * Ends are ids of instances, interfaces, NAT gateways and VPC endpoints, names or ARNs of load
 * balancers, IPv4 addresses, and "internet" or "host"; also an internet gateway's id, which means
 * the internet, and names of AWS's services ("ec2.us-east-1.amazonaws.com"). Protocol is "tcp" (or
 * absent), "udp", "icmp" or a number; Port is a number, of ICMP "type[:code]" (absent: an echo
 * request). The addresses may be absent: which of those of its ends are meant. SourcePort is a
 * number or "first-last", absent: each that Linux chooses from must do.
 *
 * Returns a new object: {"Reachable": bool, "Source", "Destination": {"Id", "Address", ...},
 * "Protocol": text, "Port": text, "Forward": [hop], "Return": [hop], "Explanations": [...],
 * "Assumptions": [text]}. The way back is looked at only if the way there ends. NULL and err: an
 * end does not exist (the resource's own NotFound), or makes no sense (InvalidParameterValue).
 */
json_t *ec2_reach(const struct call *call, const json_t *question, struct err *err);

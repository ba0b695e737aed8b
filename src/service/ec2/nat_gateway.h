/*
 * The states of NAT gateways. Handlers put one into pending or deleting; the controller moves it
 * on, as an instance is (instance_state.h):
 *
 *   pending --(its interface is made)--> pending --(the network has it)--> available
 *      |  \                                                                  |
 *      |   `--(a reason)--> failed --(an hour)--> forgotten                  |
 *      `--------(DeleteNatGateway)--------> deleting <----------------------'
 *                                              `--> deleted --(an hour)--> forgotten
 *
 * Its interface is a document of kind `network-interface` whose _kind is "nat" and whose _owner it
 * is; it is there from the first step until the gateway is deleted.
 */
#pragma once

#include "service/call.h"

/*
 * Moves a NAT gateway on by what can be done now. `built`: the host has told that the network has
 * the interface. Returns the cloud time at which there is more to do without anything else
 * happening; INT64_MAX: none.
 */
int64_t ec2_nat_gateway_advance(struct call *call, const char *id, bool built);
/* Whether its interface is made and nothing is missing but the network: the caller says `built`. */
bool ec2_nat_gateway_awaits_network(const struct call *call, const json_t *gateway);

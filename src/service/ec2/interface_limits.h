/* How many network interfaces and addresses an instance type allows. */
#pragma once

#include "service/call.h"
#include "service/ec2/instance_types.h"

/* Fails with AttachmentLimitExceeded if `count` interfaces are too many. */
int ec2_interface_limit(const struct instance_type *type, size_t count, struct err *err);
/* Fails with PrivateIpAddressLimitExceeded if an interface has too many addresses. */
int ec2_interface_limit_addresses(const struct instance_type *type, const json_t *interface,
                                  struct err *err);
/* Whether an instance may become of this type with the interfaces that it has. */
int ec2_interface_limit_instance(const json_t *instance, const struct instance_type *type,
                                 struct err *err);
/* How many addresses an interface may have where it is now. */
int ec2_interface_addresses_max(const struct call *call, const json_t *interface);

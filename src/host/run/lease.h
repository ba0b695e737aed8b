/* What DHCP would have told the instance. Runs inside the instance, as its root. */
#pragma once

#include "ipc/message.h"

/*
 * Writes /etc/resolv.conf, and the lease as dhclient keeps it (/var/lib/dhcp), where programs find
 * time servers and the rest. The instance's own address is `address`, in host byte order.
 */
void lease_write(const struct message_dhcp *dhcp, uint32_t address);

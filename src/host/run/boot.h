/* What cloud-init does on a real instance. Everything here runs inside the instance, as its root.
 */
#pragma once

#include <stdint.h>

struct boot {
    const char *instance;
    const char *host_name;
    uint32_t address; /* of eth0, host byte order */
};

enum { BOOT_NOT_INSTALLED = 127 };

/*
 * Names the machine when it boots for the first time *as this instance*: also a root file system
 * that came from another instance's image then gets new host keys and runs user data again.
 */
void boot_prepare(const struct boot *boot);

/* The next two are processes of their own; each returns the exit status. */

/* Makes missing host keys and becomes sshd; BOOT_NOT_INSTALLED if the image has none. */
int boot_sshd(const struct boot *boot);
/* Installs the key pair, runs user data (once an instance) and /etc/rc.local (each boot). */
int boot_user(const struct boot *boot);

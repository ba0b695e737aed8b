/* What cloud-init does on a real instance. Everything here runs inside the instance, as its root.
 */
#pragma once

#include "ipc/message.h"

#include <stdbool.h>
#include <stdint.h>

struct boot {
    const char *instance;
    const char *host_name;
    uint32_t address; /* of eth0, host byte order */
    bool of_host;     /* it is made of the host's programs, whose own init is not for it */
    const struct message_dhcp *dhcp;
    const struct message_authority *authority;
};

enum { BOOT_NOT_INSTALLED = 127 };

/*
 * Names the machine when it boots for the first time *as this instance*: also a root file system
 * that came from another instance's image then gets new host keys and runs user data again.
 */
void boot_prepare(const struct boot *boot);

/* Whether the image brings cloud-init, which then does what boot_user() would. */
bool boot_has_cloud_init(void);
/* Makes the host keys that are missing; false if the image has no sshd. */
bool boot_make_host_keys(void);
/* A small file, with its folders, and a link in place of whatever is there. What fails is told on
 * standard error: a boot goes on as far as it can. */
void boot_write_file(const char *path, const char *text);
void boot_make_link(const char *target, const char *path);

/* The next two are processes of their own; each returns the exit status. */

/* Makes missing host keys and becomes sshd; BOOT_NOT_INSTALLED if the image has none. */
int boot_sshd(const struct boot *boot);
/* Installs the key pair, runs user data (once an instance) and /etc/rc.local (each boot). */
int boot_user(const struct boot *boot);

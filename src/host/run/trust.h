/* Which authority the instance's programs believe. Runs inside the instance, as its root. */
#pragma once

#include "ipc/message.h"

/*
 * Adds the cloud's authority to the trust stores that the image has, once, and tells programs that
 * bring stores of their own where to look: in files for logins, and in this process's environment.
 */
void trust_install(const struct message_authority *authority);

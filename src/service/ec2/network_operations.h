/* VPCs and all that is in them, tags and regions: the operations that work, by file. */
#pragma once

#define EC2_NETWORK_OPERATIONS(X)

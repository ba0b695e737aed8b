/* Instances, images, keys and launch templates: the operations that work, by file. */
#pragma once

#define EC2_COMPUTE_OPERATIONS(X)

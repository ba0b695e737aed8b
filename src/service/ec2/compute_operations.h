/* Instances, images, keys and launch templates: the operations that work, by file. */
#pragma once

#define EC2_COMPUTE_OPERATIONS(X)                                                                  \
    /* key_pairs.c */                                                                              \
    X(CreateKeyPair)                                                                               \
    X(ImportKeyPair)                                                                               \
    X(DescribeKeyPairs)                                                                            \
    X(DeleteKeyPair)                                                                               \
    /* instance_type_operations.c */                                                               \
    X(DescribeInstanceTypes)                                                                       \
    X(DescribeInstanceTypeOfferings)

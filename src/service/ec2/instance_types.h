/* What EC2's common instance types are: facts, as AWS publishes them. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct instance_size {
    const char *name; /* "micro" */
    int vcpus;
    int memory_mib;      /* 0: vcpus x the family's memory_per_vcpu_mib */
    const char *network; /* "Up to 5 Gigabit" */
    int interfaces;      /* at most */
    int addresses;       /* IPv4 at most, of each interface */
};

struct instance_family {
    const char *name; /* "t3" */
    const char *architecture, *manufacturer;
    double clock_ghz;
    int threads_per_core;
    int memory_per_vcpu_mib;
    bool nitro, burstable, current;
    const char *default_credits; /* "standard" or "unlimited"; NULL: not burstable */
    const struct instance_size *sizes;
};

struct instance_type {
    char name[24];
    const struct instance_family *family;
    const struct instance_size *size;
    int memory_mib;
};

/* False if there is no such type. */
bool instance_type_find(const char *name, struct instance_type *ret_type);
/* The n-th type of all, in the order of the table; false past the last. */
bool instance_type_at(int index, struct instance_type *ret_type);
/* How many cores it has. */
int instance_type_cores(const struct instance_type *type);
/* Thousandths of a CPU that it may use when a vCPU is `vcpu_share` of a CPU. */
int instance_type_share(const struct instance_type *type, double vcpu_share);

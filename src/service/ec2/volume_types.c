#include "service/ec2/volume_types.h"

#include <inttypes.h>
#include <string.h>

enum {
    /* A sparse file of ext4 ends at 16 TiB. */
    HOST_SIZE_MAX_GIB = 16000,
    GP2_IOPS_PER_GIB = 3,
    GP3_IOPS_PER_MIB = 4, /* at least so many operations for each MiB a second */
};

static const struct volume_type {
    const char *name;
    int64_t size_min_gib, size_max_gib;
    int64_t iops_min, iops_max; /* 0: cannot be asked for */
    int64_t iops_per_gib_max;
    int64_t iops_usual; /* 0: must be asked for, if it can be */
    int64_t throughput_min, throughput_max;
    int64_t throughput_fixed; /* MiB a second, where it cannot be asked for; 0: not limited */
    bool boots;
} types[] = {
    {"gp3", 1, 16384, 3000, 16000, 500, 3000, 125, 1000, 0, true},
    {"gp2", 1, 16384, 0, 0, 0, 0, 0, 0, 250, true},
    {"io1", 4, 16384, 100, 64000, 50, 0, 0, 0, 1000, true},
    {"io2", 4, 65536, 100, 256000, 1000, 0, 0, 0, 4000, true},
    {"st1", 125, 16384, 0, 0, 0, 0, 0, 0, 500, false},
    {"sc1", 125, 16384, 0, 0, 0, 0, 0, 0, 250, false},
    {"standard", 1, 1024, 0, 0, 0, 0, 0, 0, 90, true},
};

static const struct volume_type *find(const char *name)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    return NULL;
}

int64_t volume_type_throughput(const char *type, int64_t throughput)
{
    const struct volume_type *row = find(type);
    return throughput ? throughput : row ? row->throughput_fixed : 0;
}

bool volume_type_boots(const char *type)
{
    const struct volume_type *row = find(type);
    return row && row->boots;
}

static int check_size(const struct volume_type *type, int64_t gib, struct err *err)
{
    if (gib < type->size_min_gib)
        return err_aws(err, "InvalidParameterValue",
                       "Volume of %" PRId64 "GiB is too small for volume type %s; minimum is "
                       "%" PRId64 "GiB.",
                       gib, type->name, type->size_min_gib);
    if (gib > type->size_max_gib)
        return err_aws(err, "InvalidParameterValue",
                       "Volume of %" PRId64 "GiB is too large for volume type %s; maximum is "
                       "%" PRId64 "GiB.",
                       gib, type->name, type->size_max_gib);
    if (gib > HOST_SIZE_MAX_GIB)
        return err_aws(err, "UnsupportedOperation",
                       "A volume of more than %d GiB is not supported by Pileus.",
                       HOST_SIZE_MAX_GIB);
    return 0;
}

static int check_iops(const struct volume_type *type, const struct volume_shape *shape,
                      struct err *err)
{
    if (!shape->iops)
        return 0;
    if (!type->iops_max)
        return err_aws(err, "InvalidParameterCombination",
                       "The parameter iops is not supported for %s volumes.", type->name);
    if (shape->iops < type->iops_min)
        return err_aws(err, "InvalidParameterValue",
                       "Volume iops of %" PRId64 " is too low; minimum is %" PRId64 ".",
                       shape->iops, type->iops_min);
    if (shape->iops > type->iops_max)
        return err_aws(err, "InvalidParameterValue",
                       "Volume iops of %" PRId64 " is too high; maximum is %" PRId64 ".",
                       shape->iops, type->iops_max);
    /* What every volume of the type has may be asked for at every size. */
    if (shape->iops > type->iops_usual && shape->iops > type->iops_per_gib_max * shape->size_gib)
        return err_aws(err, "InvalidParameterValue",
                       "Iops to volume size ratio of %f is too high; maximum is %" PRId64 ".",
                       (double)shape->iops / (double)shape->size_gib, type->iops_per_gib_max);
    return 0;
}

static int check_throughput(const struct volume_type *type, const struct volume_shape *shape,
                            struct err *err)
{
    int64_t iops = shape->iops ? shape->iops : type->iops_usual;
    if (!shape->throughput)
        return 0;
    if (!type->throughput_max)
        return err_aws(err, "InvalidParameterCombination",
                       "The parameter throughput is not supported for %s volumes.", type->name);
    if (shape->throughput < type->throughput_min || shape->throughput > type->throughput_max)
        return err_aws(err, "InvalidParameterValue",
                       "Throughput of %" PRId64 " MiBps is not between %" PRId64 " and %" PRId64
                       " MiBps.",
                       shape->throughput, type->throughput_min, type->throughput_max);
    if (shape->throughput * GP3_IOPS_PER_MIB > iops)
        return err_aws(err, "InvalidParameterValue",
                       "Throughput (MiBps) to iops ratio of %f is too high; maximum is 0.250000 "
                       "MiBps per iops.",
                       (double)shape->throughput / (double)iops);
    return 0;
}

static int64_t gp2_iops(int64_t gib)
{
    int64_t iops = gib * GP2_IOPS_PER_GIB;
    return iops < 100 ? 100 : iops > 16000 ? 16000 : iops;
}

int volume_shape_complete(struct volume_shape *shape, struct err *err)
{
    const struct volume_type *type = find(shape->type);
    if (!type)
        return err_aws(err, "UnknownVolumeType",
                       "Unsupported volume type '%.60s' for volume "
                       "creation.",
                       shape->type);
    if (check_size(type, shape->size_gib, err) < 0 || check_iops(type, shape, err) < 0 ||
        check_throughput(type, shape, err) < 0)
        return -1;
    if (type->iops_max && !type->iops_usual && !shape->iops)
        return err_aws(err, "MissingParameter", "The request must contain the parameter iops");
    if (!shape->iops)
        shape->iops = strcmp(type->name, "gp2") ? type->iops_usual : gp2_iops(shape->size_gib);
    if (!shape->throughput)
        shape->throughput = type->throughput_min;
    return 0;
}

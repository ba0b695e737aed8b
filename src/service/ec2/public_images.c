#include "service/ec2/public_images.h"

#include <openssl/sha.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#if defined(__aarch64__)
#define ARCHITECTURE     "arm64"
#define ARCHITECTURE_DEB "arm64" /* as Debian and Ubuntu spell it */
#else
#define ARCHITECTURE     "x86_64"
#define ARCHITECTURE_DEB "amd64"
#endif

#define AMAZON_LINUX "/aws/service/ami-amazon-linux-latest/"
#define CANONICAL    "/aws/service/canonical/ubuntu/server/"
#define DEBIAN       "/aws/service/debian/release/"

enum {
    PARAMETERS_MAX = 5,
    RESOURCE_ID_SIZE = 24, /* "snap-0", 16 hex digits and room */
};

struct public_image {
    const char *name, *description;
    const char *owner;
    const char *created;
    double created_s;
    const char *root_device;
    int volume_gib;
    const char *volume_type;
    const char
        *imds; /* "v2.0": instances want IMDSv2 unless told otherwise; NULL: either version */
    const char *parameters[PARAMETERS_MAX]; /* SSM paths that lead here; ends with NULL */
};

static const char amazon[] = "137112412989", canonical[] = "099720109477",
                  debian[] = "136693071363";

/* clang-format off */

static const struct public_image images[] = {
    {"al2023-ami-2023.9.20251110.1-kernel-6.1-" ARCHITECTURE,
     "Amazon Linux 2023 AMI 2023.9.20251110.1 " ARCHITECTURE " HVM kernel-6.1",
     amazon, "2025-11-10T20:22:03.000Z", 1762806123, "/dev/xvda", 8, "gp3", "v2.0",
     {AMAZON_LINUX "al2023-ami-kernel-default-" ARCHITECTURE,
      AMAZON_LINUX "al2023-ami-kernel-6.1-" ARCHITECTURE}},
    {"al2023-ami-2023.9.20251110.1-kernel-6.12-" ARCHITECTURE,
     "Amazon Linux 2023 AMI 2023.9.20251110.1 " ARCHITECTURE " HVM kernel-6.12",
     amazon, "2025-11-10T20:22:07.000Z", 1762806127, "/dev/xvda", 8, "gp3", "v2.0",
     {AMAZON_LINUX "al2023-ami-kernel-6.12-" ARCHITECTURE}},
    {"al2023-ami-minimal-2023.9.20251110.1-kernel-6.1-" ARCHITECTURE,
     "Amazon Linux 2023 AMI 2023.9.20251110.1 " ARCHITECTURE " Minimal HVM kernel-6.1",
     amazon, "2025-11-10T20:22:05.000Z", 1762806125, "/dev/xvda", 2, "gp3", "v2.0",
     {AMAZON_LINUX "al2023-ami-minimal-kernel-default-" ARCHITECTURE,
      AMAZON_LINUX "al2023-ami-minimal-kernel-6.1-" ARCHITECTURE}},
    {"amzn2-ami-hvm-2.0.20251110.0-" ARCHITECTURE "-gp2",
     "Amazon Linux 2 AMI 2.0.20251110.0 " ARCHITECTURE " HVM gp2",
     amazon, "2025-11-08T01:12:40.000Z", 1762564360, "/dev/xvda", 8, "gp2", NULL,
     {AMAZON_LINUX "amzn2-ami-hvm-" ARCHITECTURE "-gp2"}},
    {"amzn2-ami-kernel-5.10-hvm-2.0.20251110.0-" ARCHITECTURE "-gp2",
     "Amazon Linux 2 Kernel 5.10 AMI 2.0.20251110.0 " ARCHITECTURE " HVM gp2",
     amazon, "2025-11-08T01:12:44.000Z", 1762564364, "/dev/xvda", 8, "gp2", NULL,
     {AMAZON_LINUX "amzn2-ami-kernel-5.10-hvm-" ARCHITECTURE "-gp2"}},
    {"ubuntu/images/hvm-ssd/ubuntu-focal-20.04-" ARCHITECTURE_DEB "-server-20250530",
     "Canonical, Ubuntu, 20.04 LTS, " ARCHITECTURE_DEB " focal image build on 2025-05-30",
     canonical, "2025-05-30T04:12:03.000Z", 1748578323, "/dev/sda1", 8, "gp2", NULL,
     {CANONICAL "20.04/stable/current/" ARCHITECTURE_DEB "/hvm/ebs-gp2/ami-id",
      CANONICAL "focal/stable/current/" ARCHITECTURE_DEB "/hvm/ebs-gp2/ami-id"}},
    {"ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-" ARCHITECTURE_DEB "-server-20251015",
     "Canonical, Ubuntu, 22.04 LTS, " ARCHITECTURE_DEB " jammy image build on 2025-10-15",
     canonical, "2025-10-15T07:41:12.000Z", 1760514072, "/dev/sda1", 8, "gp2", NULL,
     {CANONICAL "22.04/stable/current/" ARCHITECTURE_DEB "/hvm/ebs-gp2/ami-id",
      CANONICAL "jammy/stable/current/" ARCHITECTURE_DEB "/hvm/ebs-gp2/ami-id"}},
    {"ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-" ARCHITECTURE_DEB "-server-20251022",
     "Canonical, Ubuntu, 24.04, " ARCHITECTURE_DEB " noble image",
     canonical, "2025-10-22T07:18:34.000Z", 1761117514, "/dev/sda1", 8, "gp3", "v2.0",
     {CANONICAL "24.04/stable/current/" ARCHITECTURE_DEB "/hvm/ebs-gp3/ami-id",
      CANONICAL "noble/stable/current/" ARCHITECTURE_DEB "/hvm/ebs-gp3/ami-id"}},
    {"debian-11-" ARCHITECTURE_DEB "-20250915-2237",
     "Debian 11 (20250915-2237)",
     debian, "2025-09-15T20:03:51.000Z", 1757966631, "/dev/xvda", 8, "gp3", NULL,
     {DEBIAN "11/latest/" ARCHITECTURE_DEB, DEBIAN "bullseye/latest/" ARCHITECTURE_DEB}},
    {"debian-12-" ARCHITECTURE_DEB "-20251112-2294",
     "Debian 12 (20251112-2294)",
     debian, "2025-11-12T20:05:18.000Z", 1762977918, "/dev/xvda", 8, "gp3", NULL,
     {DEBIAN "12/latest/" ARCHITECTURE_DEB, DEBIAN "bookworm/latest/" ARCHITECTURE_DEB}},
};

/* clang-format on */

enum { IMAGE_COUNT = sizeof images / sizeof *images };

const char *public_image_architecture(void)
{
    return ARCHITECTURE;
}

/* A prefix and 16 hex digits of a hash: ids differ from region to region and never change. */
static void make_id(const char *region, const char *prefix, const char *name,
                    char out[RESOURCE_ID_SIZE])
{
    char text[256];
    uint8_t digest[SHA256_DIGEST_LENGTH];
    int size = snprintf(text, sizeof text, "%s/%s/%s", prefix, region, name);
    SHA256((const uint8_t *)text, size, digest);
    int used = snprintf(out, RESOURCE_ID_SIZE, "%s-0", prefix);
    for (int i = 0; i < 8; i++)
        used += snprintf(out + used, RESOURCE_ID_SIZE - used, "%02x", digest[i]);
}

static json_t *root_mapping(const char *region, const struct public_image *image)
{
    char snapshot[RESOURCE_ID_SIZE];
    make_id(region, "snap", image->name, snapshot);
    return json_pack("{s:s, s:{s:b, s:s, s:i, s:s, s:b}}", "DeviceName", image->root_device, "Ebs",
                     "DeleteOnTermination", 1, "SnapshotId", snapshot, "VolumeSize",
                     image->volume_gib, "VolumeType", image->volume_type, "Encrypted", 0);
}

static json_t *describe(const char *region, const struct public_image *image)
{
    char id[RESOURCE_ID_SIZE], location[192];
    make_id(region, "ami", image->name, id);
    snprintf(location, sizeof location, "amazon/%s", image->name);
    json_t *doc = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b,"
        " s:[o], s:[], s:[s]}",
        "ImageId", id, "ImageLocation", location, "Name", image->name, "Description",
        image->description, "OwnerId", image->owner, "ImageOwnerAlias", "amazon", "State",
        "available", "Public", 1, "CreationDate", image->created, "Architecture", ARCHITECTURE,
        "ImageType", "machine", "PlatformDetails", "Linux/UNIX", "UsageOperation", "RunInstances",
        "Hypervisor", "xen", "RootDeviceName", image->root_device, "RootDeviceType", "ebs",
        "VirtualizationType", "hvm", "EnaSupport", 1, "BlockDeviceMappings",
        root_mapping(region, image), "Tags", "_layers", "host");
    json_object_set_new(doc, "SriovNetSupport", json_string("simple"));
    if (image->imds)
        json_object_set_new(doc, "ImdsSupport", json_string(image->imds));
    return doc;
}

json_t *public_image_at(const char *region, size_t index)
{
    return index < IMAGE_COUNT ? describe(region, &images[index]) : NULL;
}

json_t *public_image_find(const char *region, const char *image_id)
{
    for (size_t i = 0; i < IMAGE_COUNT; i++) {
        char id[RESOURCE_ID_SIZE];
        make_id(region, "ami", images[i].name, id);
        if (strcmp(id, image_id) == 0)
            return describe(region, &images[i]);
    }
    return NULL;
}

/* The n-th path of all, counted over the images. */
static const struct public_image *parameter_at(size_t index, const char **ret_path)
{
    for (size_t i = 0; i < IMAGE_COUNT; i++)
        for (const char *const *path = images[i].parameters; *path; path++)
            if (index-- == 0) {
                *ret_path = *path;
                return &images[i];
            }
    return NULL;
}

bool public_parameter_at(const char *region, size_t index, struct public_parameter *ret_parameter)
{
    char id[RESOURCE_ID_SIZE];
    const struct public_image *image = parameter_at(index, &ret_parameter->path);
    if (!image)
        return false;
    make_id(region, "ami", image->name, id);
    memcpy(ret_parameter->image_id, id, PUBLIC_IMAGE_ID_SIZE);
    ret_parameter->modified_s = image->created_s;
    return true;
}

bool public_parameter_find(const char *region, const char *path,
                           struct public_parameter *ret_parameter)
{
    const char *each;
    for (size_t i = 0; parameter_at(i, &each); i++)
        if (strcmp(each, path) == 0)
            return public_parameter_at(region, i, ret_parameter);
    return false;
}

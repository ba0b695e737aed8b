/*
 * A file that holds an image: a root file system (tar), or a container image of one of two forms,
 * an OCI layout ("oci-archive" of skopeo and podman, `docker save` of today) or what `docker save`
 * wrote before that. Told apart by what is in it.
 */
#pragma once

#include "host/image/unpack.h"

/*
 * Unpacks the file at `fd` (a regular file) into the working directory, which is empty, and adds
 * the folders that an instance needs to mount on. An image for another kind of processor is
 * refused.
 */
int image_file_unpack(int fd, struct unpack *unpack, struct err *err);

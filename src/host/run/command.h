/*
 * The own command of a container image. The import notes it in the image, the first process of an
 * instance runs it: in its environment, folder and user, again when it has ended.
 *
 * The file has records of a letter and a text, each ended by NUL: 'E' "NAME=value", 'D' folder, 'U'
 * "user[:group]", 'A' argument.
 */
#pragma once

struct boot;

#define COMMAND_PATH "/etc/pileus/command"

enum {
    COMMAND_ENVIRONMENT = 'E',
    COMMAND_FOLDER = 'D',
    COMMAND_USER = 'U',
    COMMAND_ARGUMENT = 'A',
    COMMAND_SIZE_MAX = 256 * 1024
};

/* A process of its own: becomes the command; BOOT_NOT_INSTALLED if the image has none. */
int command_run(const struct boot *boot);

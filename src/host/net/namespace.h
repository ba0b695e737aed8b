/*
 * Network namespaces that outlive the process: bind mounts of them under one directory, which is a
 * mount of its own, so that nothing propagates to other mount namespaces.
 */
#pragma once

#include "base/err.h"

/* Makes `directory` ready to hold namespaces; harmless if it is. */
int namespace_prepare_directory(const char *directory, struct err *err);
/* Undoes that; the directory goes too. Harmless if it is not there. */
int namespace_remove_directory(const char *directory, struct err *err);

/*
 * Opens the namespace `name`. Returns its descriptor; -1 and err if there is none (err->number
 * ENOENT), also when a half-made one was left behind, which is then removed.
 */
int namespace_open(const char *directory, const char *name, struct err *err);
/* Makes the namespace `name` and returns its descriptor. `home_fd` is the caller's own namespace.
 */
int namespace_create(const char *directory, const char *name, int home_fd, struct err *err);
/* Forgets the name; the kernel ends the namespace when nothing uses it any more. */
int namespace_remove(const char *directory, const char *name, struct err *err);

/* Moves the thread into a namespace; also the way back. */
int namespace_enter(int namespace_fd, struct err *err);

/* Writes /proc/sys/net/<path> of the namespace that the thread is in. */
int namespace_set(const char *value, struct err *err, const char *path_format, ...)
    __attribute__((format(printf, 3, 4)));
/* Turns IPv6 off for a link ("default": for links to come) of the thread's namespace. */
int namespace_disable_ipv6(const char *link, struct err *err);
/* Makes the thread's namespace forward packets between links, whatever addresses these have. */
int namespace_make_router(struct err *err);

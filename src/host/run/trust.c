#include "host/run/trust.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "host/run/plain_file.h"
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BUNDLE_SIZE_MAX = 8 * 1024 * 1024 };

/* Everything that is trusted, in one file: of Debian and Alpine, Fedora and Amazon Linux, SUSE. */
static const char *const bundles[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
};

/* What their tools make these files of again. */
static const char *const anchor_dirs[] = {"/usr/local/share/ca-certificates",
                                          "/etc/pki/ca-trust/source/anchors",
                                          "/etc/pki/trust/anchors"};

static const char hash_dir[] = "/etc/ssl/certs", own_dir[] = "/etc/pileus",
                  own_file[] = "/etc/pileus/ca.pem";

/* Leads to a bundle of the image, which it is that programs look for; or to our own, if it has
 * none.
 */
static const char own_bundle[] = "/etc/pileus/ca-bundle.pem";

/* SDKs that bring stores of their own look where these say. image/skeleton.c has them for ssh. */
static const char *const settings[][2] = {{"AWS_CA_BUNDLE", own_bundle},
                                          {"NODE_EXTRA_CA_CERTS", own_file}};

static void write_file(const char *path, const char *text, size_t size)
{
    struct err err;
    if (plain_file_write(path, text, size, 0644, &err) < 0)
        dprintf(STDERR_FILENO, "pileus: %s\n", err.text);
}

/* Appends a text to a file that does not hold it yet; false if there is no such file. */
static bool append_once(const char *path, const char *text)
{
    struct err ignored;
    size_t size;
    auto_free char *contents = file_read(path, BUNDLE_SIZE_MAX, &size, &ignored);
    if (!contents || strstr(contents, text))
        return contents != NULL;
    auto_fd int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    size_t length = strlen(text);
    return fd >= 0 && write(fd, text, length) == (ssize_t)length;
}

static void install_anchors(const struct message_authority *authority, const char *certificate)
{
    char path[256];
    for (size_t i = 0; i < sizeof anchor_dirs / sizeof *anchor_dirs; i++) {
        snprintf(path, sizeof path, "%s/pileus.crt", anchor_dirs[i]);
        if (!access(anchor_dirs[i], F_OK))
            write_file(path, certificate, authority->size);
    }
    snprintf(path, sizeof path, "%s/%08x.0", hash_dir, authority->hash);
    if (!access(hash_dir, F_OK) && access(path, F_OK) < 0)
        write_file(path, certificate, authority->size);
}

static void install_environment(const char *bundle)
{
    auto_buf login = {0};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        char line[256];
        setenv(settings[i][0], settings[i][1], 1);
        buf_printf(&login, "export %s=%s\n", settings[i][0], settings[i][1]);
        snprintf(line, sizeof line, "%s=%s\n", settings[i][0], settings[i][1]);
        append_once("/etc/environment", line);
    }
    struct err ignored;
    unlink(own_bundle);
    if (symlink(bundle, own_bundle) < 0)
        dprintf(STDERR_FILENO, "pileus: create %s: %s\n", own_bundle, strerror(errno));
    if (!login.failed && file_make_dirs("/etc/profile.d", 0755, &ignored) >= 0)
        write_file("/etc/profile.d/pileus.sh", login.data, login.size);
}

void trust_install(const struct message_authority *authority)
{
    char certificate[AUTHORITY_SIZE + 1];
    const char *found = own_file;
    struct err ignored;
    if (!authority->size)
        return;
    snprintf(certificate, sizeof certificate, "%.*s", (int)authority->size, authority->certificate);
    if (file_make_dirs(own_dir, 0755, &ignored) >= 0)
        write_file(own_file, certificate, authority->size);
    for (size_t i = 0; i < sizeof bundles / sizeof *bundles; i++)
        if (append_once(bundles[i], certificate) && found == own_file)
            found = bundles[i];
    install_anchors(authority, certificate);
    install_environment(found);
}

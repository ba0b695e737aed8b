#include "balancer/alone_files.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PEM_SIZE_MAX = 2 * 1024 * 1024 };

int alone_read_file(const char *path, size_t size_max, struct buf *out, struct err *err)
{
    auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, errno, "%s", path);
    out->size_limit = size_max;
    for (;;) {
        char part[16384];
        ssize_t got = read(fd, part, sizeof part);
        if (got < 0)
            return err_sys(err, errno, "%s", path);
        if (got == 0)
            return 0;
        buf_append(out, part, (size_t)got);
        if (out->failed)
            return err_set(err, "%s is too large", path);
    }
}

/* `name` is said in `file`, or not at all. */
static int read_member(json_t *certificate, const char *file, const char *name, const char *path,
                       struct err *err)
{
    const char *value = json_string_value(json_object_get(certificate, file));
    const char *slash = strrchr(path, '/');
    char full[PATH_MAX];
    auto_buf text = {0};
    if (!json_object_get(certificate, file))
        return 0;
    if (!value || json_object_get(certificate, name))
        return err_set(err, "%s must be a path, and take the place of %s", file, name);
    snprintf(full, sizeof full, "%.*s%s", *value == '/' || !slash ? 0 : (int)(slash - path + 1),
             path, value);
    if (alone_read_file(full, PEM_SIZE_MAX, &text, err) < 0)
        return err_wrap(err, "%s", file);
    json_object_set_new(certificate, name, json_stringn(text.data ? text.data : "", text.size));
    json_object_del(certificate, file);
    OPENSSL_cleanse(text.data, text.size);
    return 0;
}

int alone_read_certificates(json_t *root, const char *path, struct err *err)
{
    static const char *const members[][2] = {
        {"CertificateFile", "Certificate"},
        {"PrivateKeyFile", "PrivateKey"},
        {"CertificateChainFile", "CertificateChain"},
    };
    size_t at, n;
    json_t *listener, *certificate;
    json_array_foreach (json_object_get(root, "Listeners"), at, listener)
        json_array_foreach (json_object_get(listener, "Certificates"), n, certificate)
            for (int i = 0; i < 3; i++)
                if (read_member(certificate, members[i][0], members[i][1], path, err) < 0)
                    return err_wrap(err, "Listeners[%zu]: Certificates[%zu]", at, n);
    return 0;
}

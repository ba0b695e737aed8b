#include "cli/image_build.h"

#include "base/buf.h"
#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

/* systemd as PID 1, a way in, and what scripts in user data take for granted. */
static const char usual_packages[] = "systemd,systemd-sysv,dbus,openssh-server,sudo,iproute2,"
                                     "iputils-ping,netbase,procps,ca-certificates,curl";

/*
 * "admin" is who logs in to Debian's images on EC2. cloud-init makes it, if it is there; a user
 * that is there already it leaves as it is.
 */
static const char add_user[] =
    "chroot \"$1\" useradd -m -s /bin/bash -G sudo admin && "
    "echo 'admin ALL=(ALL) NOPASSWD:ALL' >\"$1/etc/sudoers.d/90-admin\" && "
    "chmod 0440 \"$1/etc/sudoers.d/90-admin\"";
static const char configure_cloud_init[] =
    "[ ! -d \"$1/etc/cloud/cloud.cfg.d\" ] || printf '%s\\n' 'locale: C.UTF-8' "
    "'system_info: {default_user: {name: admin, lock_passwd: true, gecos: Debian, "
    "groups: [adm, sudo], sudo: [\"ALL=(ALL) NOPASSWD:ALL\"], shell: /bin/bash}}' "
    ">\"$1/etc/cloud/cloud.cfg.d/10_image.cfg\"";

static _Noreturn void run_mmdebstrap(const struct image_build *build, int fd)
{
    auto_buf include = {0};
    char release[64];
    buf_printf(&include, "--include=%s%s%s", usual_packages, build->include ? "," : "",
               build->include ? build->include : "");
    snprintf(release, sizeof release, "%s", build->release);
    char user_hook[sizeof add_user + 32], cloud_hook[sizeof configure_cloud_init + 32];
    snprintf(user_hook, sizeof user_hook, "--customize-hook=%s", add_user);
    snprintf(cloud_hook, sizeof cloud_hook, "--customize-hook=%s", configure_cloud_init);
    dup2(fd, STDOUT_FILENO);
    execlp("mmdebstrap", "mmdebstrap", "--variant=minbase", "--format=tar", include.data, user_hook,
           cloud_hook, release, "-", build->mirror, (char *)NULL);
    _exit(errno == ENOENT ? 127 : 126);
}

int image_build(const struct image_build *build, int fd, struct err *err)
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        return err_sys(err, errno, "fork");
    if (!pid)
        run_mmdebstrap(build, fd);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return err_set(err, "mmdebstrap is not installed: apt-get install mmdebstrap");
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        return err_set(err, "mmdebstrap could not build it; it says above why");
    return 0;
}

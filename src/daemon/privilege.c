#include "daemon/privilege.h"

#include <errno.h>
#include <grp.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* Sets one capability in `wanted` if this process has it: a container may lack some. */
static int keep_one(cap_t wanted, cap_t present, cap_value_t value)
{
    cap_flag_value_t has = CAP_CLEAR;
    if (cap_get_flag(present, value, CAP_PERMITTED, &has) < 0)
        return -1;
    if (has == CAP_CLEAR)
        return 0;
    return cap_set_flag(wanted, CAP_PERMITTED, 1, &value, CAP_SET) < 0 ||
                   cap_set_flag(wanted, CAP_EFFECTIVE, 1, &value, CAP_SET) < 0
               ? -1
               : 0;
}

static int keep_capabilities(const int *keep, struct err *err)
{
    cap_t wanted = cap_init(), present = cap_get_proc();
    int result = wanted && present ? 0 : -1;
    for (int i = 0; keep && keep[i] >= 0 && result == 0; i++)
        result = keep_one(wanted, present, keep[i]);
    if (result == 0)
        result = cap_set_proc(wanted);
    if (result < 0)
        err_sys(err, errno, "dropping capabilities");
    cap_free(wanted);
    cap_free(present);
    return result;
}

static int become_user(uid_t uid, struct err *err)
{
    gid_t gid = (gid_t)uid;
    if (setgroups(0, NULL) < 0)
        return err_sys(err, errno, "dropping groups");
    if (setresgid(gid, gid, gid) < 0)
        return err_sys(err, errno, "becoming group %u", gid);
    if (setresuid(uid, uid, uid) < 0)
        return err_sys(err, errno, "becoming user %u", uid);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_sys(err, errno, "no_new_privs");
    return 0;
}

int privilege_drop(const struct privilege *privilege, struct err *err)
{
    /* 1, not 0: the kernel then does not start a core-dump program either. */
    struct rlimit none = {1, 1};
    setrlimit(RLIMIT_CORE, &none);
    if (privilege->root_dir && (chroot(privilege->root_dir) < 0 || chdir("/") < 0))
        return err_sys(err, errno, "chroot to %s", privilege->root_dir);
    if (privilege->uid && become_user(privilege->uid, err) < 0)
        return -1;
    if (privilege->uid && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return err_sys(err, errno, "not dumpable");
    return keep_capabilities(privilege->capabilities, err);
}

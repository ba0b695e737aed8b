#include "host/run/filter.h"

#include "base/cleanup.h"

#include <errno.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* Programs look for another way when they are told ENOSYS, and complain when told EPERM. */
static const struct {
    int call, answer;
} refused_calls[] = {
    {SCMP_SYS(acct), EPERM},
    {SCMP_SYS(add_key), ENOSYS},
    {SCMP_SYS(bpf), EPERM},
    {SCMP_SYS(clock_settime), EPERM},
    {SCMP_SYS(delete_module), EPERM},
    {SCMP_SYS(fanotify_init), EPERM},
    {SCMP_SYS(finit_module), EPERM},
    {SCMP_SYS(init_module), EPERM},
    {SCMP_SYS(io_uring_enter), ENOSYS},
    {SCMP_SYS(io_uring_register), ENOSYS},
    {SCMP_SYS(io_uring_setup), ENOSYS},
    {SCMP_SYS(ioperm), EPERM},
    {SCMP_SYS(iopl), EPERM},
    {SCMP_SYS(kexec_file_load), EPERM},
    {SCMP_SYS(kexec_load), EPERM},
    {SCMP_SYS(keyctl), ENOSYS},
    {SCMP_SYS(lookup_dcookie), EPERM},
    {SCMP_SYS(move_pages), EPERM},
    {SCMP_SYS(nfsservctl), ENOSYS},
    {SCMP_SYS(open_by_handle_at), EPERM},
    {SCMP_SYS(perf_event_open), EPERM},
    {SCMP_SYS(quotactl), EPERM},
    {SCMP_SYS(request_key), ENOSYS},
    {SCMP_SYS(settimeofday), EPERM},
    {SCMP_SYS(socketcall), ENOSYS}, /* of 32 bits; hides the family from the rules below */
    {SCMP_SYS(stime), EPERM},
    {SCMP_SYS(swapoff), EPERM},
    {SCMP_SYS(swapon), EPERM},
    {SCMP_SYS(syslog), EPERM},
    {SCMP_SYS(userfaultfd), EPERM},
    {SCMP_SYS(uselib), ENOSYS},
    {SCMP_SYS(vm86), EPERM},
    {SCMP_SYS(vm86old), EPERM},
};

/* Socket families that no network namespace holds in. */
static const int refused_families[] = {AF_VSOCK, AF_ALG, AF_RDS, AF_TIPC};

static int add_rules(scmp_filter_ctx context)
{
#ifdef __x86_64__
    /* Programs of 32 bits call the kernel by other numbers, which must be refused too. */
    if (seccomp_arch_add(context, SCMP_ARCH_X86) < 0)
        return -1;
#endif
    for (size_t i = 0; i < sizeof refused_calls / sizeof *refused_calls; i++)
        if (seccomp_rule_add(context, SCMP_ACT_ERRNO((uint32_t)refused_calls[i].answer),
                             refused_calls[i].call, 0) < 0)
            return -1;
    for (size_t i = 0; i < sizeof refused_families / sizeof *refused_families; i++)
        if (seccomp_rule_add(context, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
                             SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)refused_families[i])) < 0)
            return -1;
    return 0;
}

static int export_rules(scmp_filter_ctx context, struct sock_fprog *ret_filter)
{
    struct stat info;
    auto_fd int fd = memfd_create("filter", MFD_CLOEXEC);
    if (fd < 0 || seccomp_export_bpf(context, fd) < 0 || fstat(fd, &info) < 0)
        return -1;
    auto_free void *rules = malloc((size_t)info.st_size);
    if (!rules || pread(fd, rules, (size_t)info.st_size, 0) != info.st_size)
        return -1;
    ret_filter->len = (unsigned short)((size_t)info.st_size / sizeof *ret_filter->filter);
    ret_filter->filter = ptr_take(&rules);
    return 0;
}

int filter_create(struct sock_fprog *ret_filter, struct err *err)
{
    scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);
    int result = -1;
    if (context && add_rules(context) >= 0)
        result = export_rules(context, ret_filter);
    seccomp_release(context);
    return result < 0 ? err_set(err, "libseccomp cannot compile the filter of system calls") : 0;
}

void filter_free(struct sock_fprog *filter)
{
    free(filter->filter);
    *filter = (struct sock_fprog){0};
}

#include "host/image/skeleton.h"

#include "base/cleanup.h"
#include "host/image/tree.h"
#include "host/run/plain_file.h"
#include "os/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_SIZE = 512, ETC_FILE_MAX = 4 * 1024 * 1024 };

static const struct {
    const char *path;
    mode_t mode;
    uid_t owner;
} folders[] = {
    {"", 0755, 0},
    {"boot", 0755, 0},
    {"dev", 0755, 0},
    {"etc", 0755, 0},
    {"etc/containers", 0755, 0},
    {"etc/ssh", 0755, 0},
    {"etc/ssl", 0755, 0},
    {"etc/sudoers.d", 0755, 0},
    {"etc/default", 0755, 0},
    {"etc/cron.d", 0755, 0},
    {"home", 0755, 0},
    {"home/ec2-user", 0755, 1000},
    {"home/ubuntu", 0755, 1001},
    {"home/admin", 0755, 1002},
    {"media", 0755, 0},
    {"mnt", 0755, 0},
    {"opt", 0755, 0},
    {"proc", 0555, 0},
    {"root", 0700, 0},
    {"run", 0755, 0},
    {"srv", 0755, 0},
    {"sys", 0555, 0},
    {"tmp", 01777, 0},
    {"usr", 0755, 0},
    {"var", 0755, 0},
    {"var/backups", 0755, 0},
    {"var/cache", 0755, 0},
    {"var/lib", 0755, 0},
    {"var/lib/cloud", 0755, 0},
    {"var/lib/sudo", 0700, 0},
    {"var/local", 0755, 0},
    {"var/log", 0755, 0},
    {"var/mail", 0755, 0},
    {"var/opt", 0755, 0},
    {"var/spool", 0755, 0},
    {"var/tmp", 01777, 0},
};

static const struct {
    const char *path, *target;
} links[] = {
    {"var/run", "/run"},
    {"var/lock", "/run/lock"},
    {"etc/localtime", "/usr/share/zoneinfo/Etc/UTC"},
    {"etc/mtab", "../proc/self/mounts"},
};

/* On the hosts of today these are links into /usr; where they are folders, they are copied. */
static const char *const merged_folders[] = {"bin", "sbin", "lib", "lib32", "lib64", "libx32"};

static const char *const not_of_lib[] = {"modules", "firmware", NULL};

static const struct {
    const char *path;
    mode_t mode;
    const char *text;
} files[] = {
    {"etc/passwd", 0644,
     "root:x:0:0:root:/root:/bin/bash\n"
     "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
     "bin:x:2:2:bin:/bin:/usr/sbin/nologin\n"
     "sys:x:3:3:sys:/dev:/usr/sbin/nologin\n"
     "mail:x:8:8:mail:/var/mail:/usr/sbin/nologin\n"
     "www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n"
     "sshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n"
     "ec2-user:x:1000:1000:EC2 Default User:/home/ec2-user:/bin/bash\n"
     "ubuntu:x:1001:1001:Ubuntu:/home/ubuntu:/bin/bash\n"
     "admin:x:1002:1002:Debian:/home/admin:/bin/bash\n"
     "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"},
    {"etc/group", 0644,
     "root:x:0:\ndaemon:x:1:\nbin:x:2:\nsys:x:3:\nadm:x:4:ec2-user,ubuntu,admin\ntty:x:5:\n"
     "disk:x:6:\nmail:x:8:\nkmem:x:15:\nsudo:x:27:ec2-user,ubuntu,admin\nwww-data:x:33:\n"
     "shadow:x:42:\nutmp:x:43:\nstaff:x:50:\nusers:x:100:\nwheel:x:998:ec2-user\n"
     "ec2-user:x:1000:\nubuntu:x:1001:\nadmin:x:1002:\nnogroup:x:65534:\n"},
    /* '*' is no password's hash: nobody logs in by password, and keys still work */
    {"etc/shadow", 0640,
     "root:*:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\nbin:*:19000:0:99999:7:::\n"
     "sys:*:19000:0:99999:7:::\nmail:*:19000:0:99999:7:::\nwww-data:*:19000:0:99999:7:::\n"
     "sshd:*:19000:0:99999:7:::\nec2-user:*:19000:0:99999:7:::\nubuntu:*:19000:0:99999:7:::\n"
     "admin:*:19000:0:99999:7:::\nnobody:*:19000:0:99999:7:::\n"},
    {"etc/subuid", 0644, "ec2-user:10000:20000\n"},
    {"etc/subgid", 0644, "ec2-user:10000:20000\n"},
    {"etc/hosts", 0644, "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"},
    {"etc/hostname", 0644, "localhost\n"},
    {"etc/nsswitch.conf", 0644,
     "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\n"
     "protocols: files\nservices: files\nethers: files\nrpc: files\n"},
    {"etc/host.conf", 0644, "multi on\n"},
    {"etc/fstab", 0644, ""},
    {"etc/containers/policy.json", 0644,
     "{\"default\": [{\"type\": \"insecureAcceptAnything\"}]}\n"},
    {"etc/containers/registries.conf", 0644, "unqualified-search-registries = [\"docker.io\"]\n"},
    {"var/log/lastlog", 0664, ""},
    {"var/log/wtmp", 0664, ""},
    {"etc/default/locale", 0644, "LANG=C.UTF-8\n"},
    {"etc/environment", 0644, "LANG=C.UTF-8\n"},
    {"etc/sudoers", 0440,
     "Defaults env_reset\n"
     "Defaults env_keep += \"AWS_CA_BUNDLE NODE_EXTRA_CA_CERTS\"\n"
     "Defaults "
     "secure_path=\"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"\n"
     "root ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n"},
    {"etc/sudoers.d/90-cloud-init-users", 0440,
     "ec2-user ALL=(ALL) NOPASSWD:ALL\nubuntu ALL=(ALL) NOPASSWD:ALL\n"
     "admin ALL=(ALL) NOPASSWD:ALL\n"},
    {"etc/ssh/sshd_config", 0644,
     "HostKey /etc/ssh/ssh_host_ed25519_key\nHostKey /etc/ssh/ssh_host_ecdsa_key\n"
     "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin "
     "prohibit-password\n"
     "SetEnv AWS_CA_BUNDLE=/etc/pileus/ca-bundle.pem "
     "NODE_EXTRA_CA_CERTS=/etc/pileus/ca.pem\n"
     "UsePAM no\nUseDNS no\nX11Forwarding no\nPrintMotd no\nAcceptEnv LANG LC_*\n"
     "Subsystem sftp internal-sftp\n"},
};

/* Public parts of the host's /etc that its programs need; what is missing is left out. Nothing that
 * people put settings of their own into (profile.d, wgetrc, apt): these hold proxies and passwords.
 */
static const char *const copied[] = {
    "adduser.conf",
    "alternatives",
    "bash.bashrc",
    "ca-certificates",
    "ca-certificates.conf",
    "crypto-policies",
    "debian_version",
    "default/useradd",
    "deluser.conf",
    "gai.conf",
    "inputrc",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "libnl-3",
    "locale.alias",
    "login.defs",
    "magic",
    "mime.types",
    "nanorc",
    "networks",
    "os-release",
    "pam.conf",
    "pam.d",
    "perl",
    "pki/tls/certs",
    "pki/ca-trust/extracted",
    "profile",

    "protocols",
    "python3",
    "python3.11",
    "rpc",
    "security",
    "services",
    "shells",
    "skel",
    "ssh/moduli",
    "ssl/certs",
    "ssl/openssl.cnf",

    "terminfo",
    "vim",

    "xattr.conf",
};

static const char *const home_folders[] = {"ec2-user", "ubuntu", "admin"};

static const char *below(char path[PATH_SIZE], const char *root, const char *name)
{
    snprintf(path, PATH_SIZE, "%s/%s", root, name);
    return path;
}

static int make_folders(const char *root, struct err *err)
{
    char path[PATH_SIZE];
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        below(path, root, folders[i].path);
        if (file_make_dirs(path, 0755, err) < 0)
            return -1;
        if (chown(path, folders[i].owner, folders[i].owner) < 0 || chmod(path, folders[i].mode) < 0)
            return err_sys(err, errno, "set owner and mode of %s", path);
    }
    return 0;
}

static int make_links(const char *root, struct err *err)
{
    char path[PATH_SIZE];
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        if (symlink(links[i].target, below(path, root, links[i].path)) < 0)
            return err_sys(err, errno, "create %s", path);
    return 0;
}

static int copy_link(const char *from, const char *to, struct err *err)
{
    char target[PATH_SIZE];
    ssize_t size = readlink(from, target, sizeof target - 1);
    if (size < 0)
        return err_sys(err, errno, "read link %s", from);
    target[size] = '\0';
    return symlink(target, to) < 0 ? err_sys(err, errno, "create %s", to) : 0;
}

static int copy_file(const char *from, const char *to, struct err *err)
{
    size_t size = 0;
    auto_free char *text = file_read(from, ETC_FILE_MAX, &size, err);
    if (!text)
        return -1;
    return plain_file_write(to, text, size, 0644, err);
}

/* Copies a file, a link or a folder; what not everybody on the host may read is left out. */
static int copy_public(const char *from, const char *to, const char *const *skipped,
                       struct err *err)
{
    struct stat info;
    struct tree_copy options = {.public_only = true, .skipped = skipped};
    if (lstat(from, &info) < 0)
        return 0;
    if (S_ISLNK(info.st_mode))
        return copy_link(from, to, err);
    if (!(info.st_mode & S_IROTH))
        return 0;
    if (S_ISDIR(info.st_mode))
        return tree_copy(from, to, &options, err);
    return copy_file(from, to, err);
}

static int copy_etc(const char *root, struct err *err)
{
    for (size_t i = 0; i < sizeof copied / sizeof *copied; i++) {
        char from[PATH_SIZE], to[PATH_SIZE];
        snprintf(from, sizeof from, "/etc/%s", copied[i]);
        snprintf(to, sizeof to, "%s/etc/%s", root, copied[i]);
        if (access(from, F_OK) < 0)
            continue;
        char *slash = strrchr(to, '/');
        *slash = '\0';
        int made = file_make_dirs(to, 0755, err);
        *slash = '/';
        if (made < 0 || copy_public(from, to, NULL, err) < 0)
            return -1;
    }
    return 0;
}

static int copy_merged_folders(const char *root, struct err *err)
{
    for (size_t i = 0; i < sizeof merged_folders / sizeof *merged_folders; i++) {
        char from[PATH_SIZE], to[PATH_SIZE];
        if (copy_public(below(from, "", merged_folders[i]), below(to, root, merged_folders[i]),
                        not_of_lib, err) < 0)
            return -1;
    }
    return 0;
}

static int write_files(const char *root, struct err *err)
{
    char path[PATH_SIZE];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (plain_file_write(below(path, root, files[i].path), files[i].text, strlen(files[i].text),
                             files[i].mode, err) < 0)
            return -1;
    return 0;
}

static int fill_home(const char *root, const char *name, uid_t owner, struct err *err)
{
    static const char *const dot_files[] = {".bashrc", ".profile", ".bash_logout"};
    for (size_t i = 0; i < sizeof dot_files / sizeof *dot_files; i++) {
        char from[PATH_SIZE], to[PATH_SIZE];
        snprintf(from, sizeof from, "/etc/skel/%s", dot_files[i]);
        snprintf(to, sizeof to, "%s/home/%s/%s", root, name, dot_files[i]);
        if (access(from, R_OK) < 0)
            continue;
        if (copy_file(from, to, err) < 0)
            return -1;
        if (lchown(to, owner, owner) < 0)
            return err_sys(err, errno, "set owner of %s", to);
    }
    return 0;
}

int skeleton_build(const char *root, struct err *err)
{
    if (make_folders(root, err) < 0 || make_links(root, err) < 0 || copy_etc(root, err) < 0 ||
        copy_merged_folders(root, err) < 0 || write_files(root, err) < 0)
        return -1;
    for (size_t i = 0; i < sizeof home_folders / sizeof *home_folders; i++)
        if (fill_home(root, home_folders[i], (uid_t)(1000 + i), err) < 0)
            return -1;
    return 0;
}

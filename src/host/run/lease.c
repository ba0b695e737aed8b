#include "host/run/lease.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "host/run/plain_file.h"
#include "os/file.h"

#include <stdio.h>
#include <unistd.h>

#define LEASE_DIR "/var/lib/dhcp"

static void append_address(struct buf *out, uint32_t a)
{
    buf_printf(out, "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
}

static void append_option(struct buf *out, const char *name,
                          const uint32_t servers[DHCP_SERVERS_MAX])
{
    if (!servers[0])
        return;
    for (int i = 0; i < DHCP_SERVERS_MAX && servers[i]; i++) {
        buf_append_string(out, i ? "," : name);
        append_address(out, servers[i]);
    }
    buf_append_string(out, ";\n");
}

static void write_file(const char *path, const struct buf *text)
{
    struct err err;
    if (text->failed || plain_file_write(path, text->data, text->size, 0644, &err) < 0)
        dprintf(STDERR_FILENO, "pileus: %s: %s\n", path, text->failed ? "out of memory" : err.text);
}

static void write_resolver(const struct message_dhcp *dhcp)
{
    auto_buf text = {0};
    if (dhcp->domain[0])
        buf_printf(&text, "search %s\n", dhcp->domain);
    for (int i = 0; i < DHCP_SERVERS_MAX && dhcp->name_servers[i]; i++) {
        buf_append_string(&text, "nameserver ");
        append_address(&text, dhcp->name_servers[i]);
        buf_append_char(&text, '\n');
    }
    buf_append_string(&text, "options timeout:2 attempts:3\n");
    unlink("/etc/resolv.conf"); /* in many images a link to what a service would write */
    write_file("/etc/resolv.conf", &text);
}

void lease_write(const struct message_dhcp *dhcp, uint32_t address)
{
    auto_buf text = {0};
    struct err ignored;
    write_resolver(dhcp);
    buf_append_string(&text, "lease {\n  interface \"eth0\";\n  fixed-address ");
    append_address(&text, address);
    buf_append_string(&text, ";\n");
    if (dhcp->domain[0])
        buf_printf(&text, "  option domain-name \"%s\";\n", dhcp->domain);
    append_option(&text, "  option domain-name-servers ", dhcp->name_servers);
    append_option(&text, "  option ntp-servers ", dhcp->time_servers);
    append_option(&text, "  option netbios-name-servers ", dhcp->netbios_servers);
    if (dhcp->netbios_node_type)
        buf_printf(&text, "  option netbios-node-type %u;\n", dhcp->netbios_node_type);
    buf_append_string(&text, "}\n");
    if (file_make_dirs(LEASE_DIR, 0755, &ignored) >= 0)
        write_file(LEASE_DIR "/dhclient.eth0.leases", &text);
}

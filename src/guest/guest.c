#include "base/cleanup.h"
#include "guest/flows.h"
#include "guest/guest_impl.h"
#include "os/random.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static const struct http_server_options imds_options = {
    .body_size_max = 1024,
    .connections_max = 1024,
    .peer_connections_max = 64, /* the fabric lets nobody use another's address */
    .head_timeout_ms = 5000,
    .body_timeout_ms = 5000,
    .idle_timeout_ms = 30000,
    .server_name = "EC2ws",
    .on_request = imds_on_request,
};

struct guest *guest_create(struct loop *loop, struct err *err)
{
    struct guest *guest = calloc(1, sizeof(*guest));
    if (!guest) {
        err_set(err, "out of memory");
        return NULL;
    }
    guest->loop = loop;
    guest->upstream.fd = -1;
    random_bytes(guest->token_key, sizeof(guest->token_key));
    return guest;
}

void guest_destroy(struct guest *guest)
{
    if (!guest)
        return;
    while (guest->vpcs.first)
        guest_remove_vpc(guest, guest->vpcs.first->key);
    while (guest->instances.first)
        guest_remove_metadata(guest, guest->instances.first->key);
    map_finish(&guest->vpcs);
    map_finish(&guest->instances);
    map_finish(&guest->callers);
    map_finish(&guest->own_names);
    map_finish(&guest->public_names);
    map_finish(&guest->public_addresses);
    json_decref(guest->names);
    loop_close(guest->loop, &guest->upstream);
    free(guest);
}

void guest_set_on_flows(struct guest *guest, guest_on_flows *on_flows, void *owner)
{
    guest->on_flows = on_flows;
    guest->flows_owner = owner;
}

/* ---- VPCs ---- */

static void close_all(int sockets[GUEST_SOCKETS])
{
    for (int i = 0; i < GUEST_SOCKETS; i++)
        if (sockets[i] >= 0)
            close(sockets[i]);
}

/* Each socket becomes -1 as the VPC takes it. */
static int take_sockets(struct guest_vpc *vpc, int sockets[GUEST_SOCKETS], struct err *err)
{
    struct loop *loop = vpc->guest->loop;
    int imds = sockets[GUEST_SOCKET_IMDS];

    sockets[GUEST_SOCKET_IMDS] = -1;
    if (imds >= 0 && !(vpc->imds = http_server_create(loop, imds, &imds_options, vpc, err)))
        return -1;
    if (loop_watch(loop, &vpc->dns, sockets[GUEST_SOCKET_DNS], EPOLLIN, err) < 0)
        return -1;
    sockets[GUEST_SOCKET_DNS] = -1;
    if (loop_watch(loop, &vpc->dns_listener, sockets[GUEST_SOCKET_DNS_STREAM], EPOLLIN, err) < 0)
        return -1;
    sockets[GUEST_SOCKET_DNS_STREAM] = -1;
    return 0;
}

int guest_add_vpc(struct guest *guest, const char *id, const int sockets[GUEST_SOCKETS],
                  struct err *err)
{
    int owned[GUEST_SOCKETS];
    struct guest_vpc *vpc = calloc(1, sizeof(*vpc));

    memcpy(owned, sockets, sizeof(owned));
    guest_remove_vpc(guest, id);
    if (!vpc || map_set(&guest->vpcs, id, vpc) < 0) {
        free(vpc);
        close_all(owned);
        return err_set(err, "out of memory");
    }
    snprintf(vpc->id, sizeof(vpc->id), "%s", id);
    vpc->guest = guest;
    vpc->dns = (struct loop_watch){.fd = -1, .on_event = resolver_on_event, .owner = vpc};
    vpc->dns_listener =
        (struct loop_watch){.fd = -1, .on_event = resolver_on_listener, .owner = vpc};
    list_init(&vpc->streams);
    if (take_sockets(vpc, owned, err) < 0) {
        guest_remove_vpc(guest, id);
        close_all(owned);
        return -1;
    }
    return 0;
}

int guest_set_log(struct guest *guest, const char *id, int fd, struct err *err)
{
    struct guest_vpc *vpc = map_get(&guest->vpcs, id);
    if (vpc) {
        flows_destroy(vpc->flows);
        vpc->flows = NULL;
    }
    if (fd < 0)
        return 0;
    if (!vpc || !guest->on_flows) {
        close(fd);
        return err_set(err, "nobody counts the packets of this VPC");
    }
    vpc->flows = flows_create(guest->loop, id, fd, guest->on_flows, guest->flows_owner, err);
    return vpc->flows ? 0 : -1;
}

void guest_remove_vpc(struct guest *guest, const char *id)
{
    struct guest_vpc *vpc = map_remove(&guest->vpcs, id);
    if (!vpc)
        return;
    resolver_close_streams(vpc);
    loop_close(guest->loop, &vpc->dns);
    loop_close(guest->loop, &vpc->dns_listener);
    http_server_destroy(vpc->imds);
    flows_destroy(vpc->flows);
    free(vpc);
}

/* ---- instances ---- */

static void caller_key(char key[GUEST_KEY_SIZE], const char *vpc, uint32_t address)
{
    snprintf(key, GUEST_KEY_SIZE, "%s %08x", vpc, address);
}

static void name_key(char key[GUEST_KEY_SIZE], const char *vpc, const char *name)
{
    snprintf(key, GUEST_KEY_SIZE, "%s %s", vpc, name);
}

struct guest_instance *guest_find_caller(const struct guest *guest, const char *vpc,
                                         uint32_t address)
{
    char key[GUEST_KEY_SIZE];
    caller_key(key, vpc, address);
    return map_get(&guest->callers, key);
}

struct guest_instance *guest_find_name(const struct guest *guest, const char *vpc, const char *name)
{
    char key[GUEST_KEY_SIZE];
    name_key(key, vpc, name);
    return map_get(&guest->own_names, key);
}

static void free_instance(struct guest_instance *instance)
{
    metadata_reset(&instance->metadata);
    free(instance->places);
    for (int i = 0; i < GUEST_NAMES; i++)
        free(instance->names[i]);
    free(instance);
}

/* An address or name may have gone to another instance since: only what is this one's is removed.
 */
static void remove_if_own(struct map *map, const char *key, const struct guest_instance *instance)
{
    if (map_get(map, key) == instance)
        map_remove(map, key);
}

void guest_remove_metadata(struct guest *guest, const char *instance_id)
{
    char key[GUEST_KEY_SIZE];
    struct guest_instance *instance = map_remove(&guest->instances, instance_id);

    if (!instance)
        return;
    for (size_t i = 0; i < instance->place_count; i++) {
        caller_key(key, instance->places[i].vpc, instance->places[i].address);
        remove_if_own(&guest->callers, key, instance);
    }
    for (int i = 0; i < GUEST_NAMES; i++) {
        if (!instance->names[i])
            continue;
        name_key(key, instance->vpc, instance->names[i]);
        remove_if_own(&guest->own_names, key, instance);
        remove_if_own(&guest->public_names, instance->names[i], instance);
    }
    caller_key(key, "", instance->public_address);
    remove_if_own(&guest->public_addresses, key, instance);
    free_instance(instance);
}

static void read_options(struct guest_instance *instance, const json_t *description)
{
    const char *tokens = "required", *endpoint = "enabled";
    int hop_limit = 1;

    json_unpack((json_t *)description, "{s?{s?s s?s s?i}}", "MetadataOptions", "HttpTokens",
                &tokens, "HttpEndpoint", &endpoint, "HttpPutResponseHopLimit", &hop_limit);
    instance->token_required = strcmp(tokens, "optional") != 0;
    instance->endpoint_enabled = strcmp(endpoint, "disabled") != 0;
    instance->hop_limit = hop_limit >= 1 && hop_limit <= 64 ? hop_limit : 1;
}

static int read_places(struct guest_instance *instance, const json_t *description, struct err *err)
{
    size_t i, k, count = 0;
    const json_t *interface, *item, *interfaces = json_object_get(description, "Interfaces");

    json_array_foreach (interfaces, i, interface)
        count += json_array_size(json_object_get(interface, "PrivateIpAddresses"));
    instance->places = calloc(count + 1, sizeof(*instance->places));
    if (!instance->places)
        return err_set(err, "out of memory");
    json_array_foreach (interfaces, i, interface) {
        const char *vpc = json_string_value(json_object_get(interface, "Vpc"));
        json_array_foreach (json_object_get(interface, "PrivateIpAddresses"), k, item) {
            struct guest_place *place = &instance->places[instance->place_count];
            struct in_addr parsed;
            if (!vpc || !json_is_string(item) ||
                inet_pton(AF_INET, json_string_value(item), &parsed) != 1)
                return err_set(err, "an interface has no VPC or address");
            snprintf(place->vpc, sizeof(place->vpc), "%s", vpc);
            place->address = ntohl(parsed.s_addr);
            instance->place_count++;
        }
    }
    return 0;
}

/* Names are compared in lower case. */
static char *copy_name(const char *name)
{
    char *copy = name && *name ? strdup(name) : NULL;
    for (char *c = copy; c && *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return copy;
}

static int read_instance(struct guest_instance *instance, const char *id, const json_t *description,
                         struct err *err)
{
    const char *vpc = NULL, *address = NULL, *public_address = "", *names[GUEST_NAMES] = {NULL};
    struct in_addr parsed, public = {0};

    if (json_unpack((json_t *)description, "{s:s s:s s?s s?s s?s s?s}", "Vpc", &vpc,
                    "PrivateIpAddress", &address, "PublicIpAddress", &public_address,
                    "PrivateDnsName", &names[0], "PublicDnsName", &names[1], "ResourceDnsName",
                    &names[2]) < 0 ||
        inet_pton(AF_INET, address, &parsed) != 1)
        return err_set(err, "the description of an instance has no VPC or address");
    snprintf(instance->id, sizeof(instance->id), "%s", id);
    snprintf(instance->vpc, sizeof(instance->vpc), "%s", vpc);
    instance->address = ntohl(parsed.s_addr);
    if (inet_pton(AF_INET, public_address, &public) == 1)
        instance->public_address = ntohl(public.s_addr);
    for (int i = 0; i < GUEST_NAMES; i++)
        instance->names[i] = copy_name(names[i]);
    read_options(instance, description);
    if (read_places(instance, description, err) < 0)
        return -1;
    return metadata_build(&instance->metadata, description, err);
}

static int enter_instance(struct guest *guest, struct guest_instance *instance)
{
    char key[GUEST_KEY_SIZE];

    if (map_set(&guest->instances, instance->id, instance) < 0)
        return -1;
    for (size_t i = 0; i < instance->place_count; i++) {
        caller_key(key, instance->places[i].vpc, instance->places[i].address);
        if (map_set(&guest->callers, key, instance) < 0)
            return -1;
    }
    for (int i = 0; i < GUEST_NAMES; i++) {
        if (!instance->names[i])
            continue;
        name_key(key, instance->vpc, instance->names[i]);
        if (map_set(&guest->own_names, key, instance) < 0)
            return -1;
    }
    caller_key(key, "", instance->public_address);
    if (instance->public_address && instance->names[1] &&
        (map_set(&guest->public_names, instance->names[1], instance) < 0 ||
         map_set(&guest->public_addresses, key, instance) < 0))
        return -1;
    return 0;
}

int guest_set_metadata(struct guest *guest, const char *instance_id, const char *json, size_t size,
                       struct err *err)
{
    json_auto_t *description = json_loadb(json, size, JSON_REJECT_DUPLICATES, NULL);
    struct guest_instance *instance = calloc(1, sizeof(*instance));

    if (!instance)
        return err_set(err, "out of memory");
    if (!json_is_object(description))
        err_set(err, "the description is not a JSON object");
    if (!json_is_object(description) ||
        read_instance(instance, instance_id, description, err) < 0) {
        free_instance(instance);
        return err_wrap(err, "%s", instance_id);
    }
    guest_remove_metadata(guest, instance_id);
    if (enter_instance(guest, instance) < 0) {
        if (map_get(&guest->instances, instance_id))
            guest_remove_metadata(guest, instance_id);
        else
            free_instance(instance);
        return err_set(err, "out of memory");
    }
    return 0;
}

/* ---- names ---- */

int guest_set_names(struct guest *guest, const char *json, size_t size, struct err *err)
{
    json_t *names = json_loadb(json, size, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(names)) {
        json_decref(names);
        return err_set(err, "the DNS names are not a JSON object");
    }
    json_decref(guest->names);
    guest->names = names;
    return 0;
}

int guest_set_upstream(struct guest *guest, uint32_t address, struct err *err)
{
    struct sockaddr_in name = {
        .sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(address)};
    auto_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (const struct sockaddr *)&name, sizeof(name)) < 0)
        return err_sys(err, errno, "cannot ask a DNS resolver");
    loop_close(guest->loop, &guest->upstream);
    guest->upstream_name = name;
    guest->upstream =
        (struct loop_watch){.fd = -1, .on_event = resolver_on_upstream, .owner = guest};
    if (loop_watch(guest->loop, &guest->upstream, fd, EPOLLIN, err) < 0)
        return -1;
    fd_take(&fd);
    return 0;
}

/*
 * A fabric in real namespaces and those of instances, and who reaches whom there. Needs root. Each
 * test has a host of its own, a namespace without anything else.
 * Connections are judged by the kernel alone: nobody need accept() for a handshake to end.
 */
#pragma once

#include "fabric_builder.h"
#include "host/net/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define VPC_A "vpc-0000000000000000a"
#define VPC_B "vpc-0000000000000000b"

enum { ALL_PORTS = 0xffff, EPHEMERAL_MIN = 1024 };
enum { WORLD = 55, ALLOWED_MS = 30000, DROPPED_MS = 300, HOST = -1 };

struct stage {
    char run_dir[64];
    struct net *net;
    int home_fd;
    int instances[16]; /* descriptors of their namespaces */
    int instance_count;
    int listeners[32];
    int listener_count;
    struct err err;
};

#define assert_ok(stage, call)                                                                     \
    do {                                                                                           \
        if ((call) < 0)                                                                            \
            fail_msg("%s", (stage)->err.text);                                                     \
    } while (0)

/* Also: as a new host process that finds what the last one left. */
void open_net(struct stage *stage);
int raise_stage(void **state);
int strike_stage(void **state);
#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, raise_stage, strike_stage)
/* Whether there are rights to run tests; if not, says of each that it is skipped. */
bool may_run(const struct CMUnitTest *tests, size_t count);
enum { SKIPPED = 77 }; /* what main() then returns */

void apply(struct stage *stage, const struct fabric_builder *builder);
/* An interface as its instance has it: eth0, with all its addresses. */
void describe(const struct fabric_builder *builder, int interface, struct instance_interface *plug);
/* Plugs the interface into a new namespace; returns its number. */
int launch(struct stage *stage, const struct fabric_builder *builder, int interface);

/* A non-blocking socket in an instance, or on the HOST. */
int socket_in(struct stage *stage, int instance, int type);
/* The listener is closed with the stage. */
int listen_in(struct stage *stage, int instance, uint16_t port);
/* 1: connected; 0: silence; -1: an answer that says no. */
int try_connect(int fd, uint32_t address, uint16_t port, int wait_ms);
void assert_reaches(struct stage *stage, int from, const char *address, uint16_t port);
void assert_silence(struct stage *stage, int from, const char *address, uint16_t port);
/* Accepts a connection: whose is it? */
uint32_t peer_of(int listener);
void assert_passes_a_byte(int from, int to);
/* Sends a datagram from an address that the sender need not have, once all links pass packets. */
void send_as(struct stage *stage, int instance, const char *source, uint16_t source_port,
             const char *target, uint16_t port);

/* Two subnets with a way out, and one group: 80 from anywhere, 81 and 82 from its members. */
void build_two_subnets(struct fabric_builder *builder);

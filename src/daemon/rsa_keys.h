/*
 * RSA keys of 2048 bits. Finding one takes a tenth of a second and more, in which the event loop
 * must go on: a thread makes them when somebody needs one.
 */
#pragma once

#include "base/err.h"
#include "loop/loop.h"

struct rsa_keys;

/* `on_keys` is called, from the loop, when there may be what rsa_keys_take() did not have. */
struct rsa_keys *rsa_keys_create(struct loop *loop, void (*on_keys)(void *arg), void *arg,
                                 struct err *err);
/* Waits for the key that is being made. NULL is allowed. */
void rsa_keys_destroy(struct rsa_keys *keys);
/*
 * A key as PEM, malloc'd and the caller's alone. NULL and err_again() while there are fewer than
 * `count`, at most 2; then they are made. NULL and another err if the last one failed.
 */
char *rsa_keys_take(struct rsa_keys *keys, int count, struct err *err);

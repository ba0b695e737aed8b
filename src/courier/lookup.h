/* Asking a resolver for the address of a name, over UDP. */
#pragma once

#include "base/buf.h"
#include "loop/loop.h"

#include <netinet/in.h>

struct lookup {
    struct loop *loop;
    struct loop_watch watch; /* its socket; -1: nothing is asked */
    struct loop_timer timer;
    struct buf query;
    int tries;
    void (*found)(struct lookup *lookup, uint32_t address); /* 0: there is none, or no answer */
    void *owner;
};

/* Asks. `found` is called later, once; the lookup is then free to be used again. */
int lookup_begin(struct lookup *lookup, struct loop *loop, const struct sockaddr_in *resolver,
                 const char *name, struct err *err);
/* Stops; harmless if nothing is asked. */
void lookup_end(struct lookup *lookup);

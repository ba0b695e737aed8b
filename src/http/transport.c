#include "http/transport.h"

#include "http/tls.h"

#include <unistd.h>

void transport_finish(struct transport *transport)
{
    if (transport->tls)
        tls_end(transport);
}

void transport_shutdown(struct transport *transport)
{
    transport_finish(transport);
    shutdown(transport->fd, SHUT_WR);
}

void transport_close(struct transport *transport)
{
    tls_free(transport);
    close(transport->fd);
    transport->fd = -1;
}

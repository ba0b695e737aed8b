#include "http/transport.h"

#include "http/tls.h"

#include <unistd.h>

void transport_shutdown(struct transport *transport)
{
    if (transport->tls)
        tls_end(transport);
    shutdown(transport->fd, SHUT_WR);
}

void transport_close(struct transport *transport)
{
    tls_free(transport);
    close(transport->fd);
    transport->fd = -1;
}

#include "http/transport.h"

#include <unistd.h>

void transport_shutdown(struct transport *transport)
{
    shutdown(transport->fd, SHUT_WR);
}

void transport_close(struct transport *transport)
{
    close(transport->fd);
    transport->fd = -1;
}

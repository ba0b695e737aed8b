/* The authority controller: instances that start trust the cloud's own authority. */
#include "service/acm/authority.h"
#include "control/control_impl.h"
#include "service/doc.h"
#include "wire/certificate.h"

#include <stdio.h>
#include <string.h>

static void authority_receive(struct control *control, enum message_type type, const void *payload,
                              size_t size)
{
    (void)payload;
    (void)size;
    if (type == MESSAGE_HOST_HELLO)
        control->authority_due = true;
}

static int send_authority(struct control *control, const json_t *authority, struct err *err)
{
    struct message_authority message = {0};
    const char *certificate = doc_text(authority, "_certificate");
    message.size = (uint32_t)strlen(certificate);
    if (message.size >= sizeof message.certificate)
        return err_set(err, "the authority's certificate is too long");
    memcpy(message.certificate, certificate, message.size);
    if (certificate_subject_hash(certificate, &message.hash, err) < 0)
        return -1;
    control->world->send(control->world->arg, MESSAGE_AUTHORITY, &message, sizeof message, NULL, 0);
    return 0;
}

/* Instances start without it if it cannot be made: that is told, and tried with the next host. */
static void authority_run(struct control *control)
{
    struct err err = {0};
    if (!control->authority_due)
        return;
    control->authority_due = false;
    auto_txn *txn = txn_begin(control->store);
    struct call call = control_call(control, txn, "");
    const json_t *authority = acm_authority(&call, &err);
    int result = authority ? send_authority(control, authority, &err) : -1;
    if (result >= 0 && txn_dirty(txn)) {
        result = txn_commit(txn, &err);
        txn = NULL;
    }
    if (result < 0)
        control_log(control, "the authority for instances", &err);
}

const struct controller authority_controller = {
    .name = "authority",
    .receive = authority_receive,
    .run = authority_run,
};

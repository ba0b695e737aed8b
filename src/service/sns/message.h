/* What subscribers get: messages in the form that AWS gives them, with signature and links. */
#pragma once

#include "base/buf.h"
#include "service/call.h"

/* Signing takes long: subscribers who get the same text of a message get the same signature. */
struct sns_signature {
    const char *text; /* that was signed; NULL: none yet */
    char *value;      /* malloc'd */
};

struct sns_message {
    const char *type;    /* "Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation" */
    char id[37];         /* MessageId */
    const char *subject; /* NULL: none */
    const char *text;
    const char *token;          /* of the two confirmations */
    const json_t *attributes;   /* MessageAttributes, or NULL */
    struct sns_signature *kept; /* of a Notification, whoever gets it; NULL: none is kept */
};

/* The signed JSON that HTTP endpoints and email-json get for a subscription (document). */
int message_write_json(struct call *call, const json_t *topic, const json_t *subscription,
                       const struct sns_message *message, struct buf *out, struct err *err);
/* The text of a mail, and its subject, which is one line. */
void message_write_mail(const struct call *call, const json_t *topic, const json_t *subscription,
                        const struct sns_message *message, struct buf *subject, struct buf *out);

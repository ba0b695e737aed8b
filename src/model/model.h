/*
 * The API models as constant tables, compiled from api/ at build time. What is decoded, validated,
 * encoded and counted comes from here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Protocols, also as a set. */
enum model_protocol { MODEL_EC2 = 1, MODEL_QUERY = 2, MODEL_JSON = 4, MODEL_CBOR = 8 };

enum model_type {
    MODEL_STRUCTURE, /* members */
    MODEL_LIST,      /* one member: what it holds */
    MODEL_MAP,       /* two members: key and value */
    MODEL_STRING,
    MODEL_BOOLEAN,
    MODEL_INTEGER,
    MODEL_LONG,
    MODEL_FLOAT,
    MODEL_DOUBLE,
    MODEL_BLOB,
    MODEL_TIMESTAMP,
};

enum model_time { MODEL_TIME_DEFAULT, MODEL_TIME_ISO8601, MODEL_TIME_RFC822, MODEL_TIME_UNIX };

enum model_member_flag {
    MODEL_REQUIRED = 1,
    MODEL_IDEMPOTENCY_TOKEN = 2, /* a client token: the same one gets the same answer */
    MODEL_RENAMED = 4,           /* wire_name is the model's own choice, not just the name */
    MODEL_FLATTENED = 8,         /* of a list or map: no element around the items */
    MODEL_ATTRIBUTE = 16,        /* an attribute of the XML element */
};

enum model_shape_flag { MODEL_HAS_MIN = 1, MODEL_HAS_MAX = 2, MODEL_SENSITIVE = 4 };

struct model_member {
    const char *name;       /* in JSON, CBOR, and what handlers see */
    const char *wire_name;  /* in XML answers */
    const char *query_name; /* in query requests */
    const struct model_shape *shape;
    uint8_t flags; /* of enum model_member_flag */
    uint8_t time;  /* enum model_time, of a timestamp */
};

struct model_shape {
    const char *name;
    uint8_t type;  /* enum model_type */
    uint8_t flags; /* of enum model_shape_flag */
    uint16_t member_count;
    uint16_t enum_count;
    const struct model_member *members;
    const char *const *enum_values;
    const char *pattern;      /* POSIX extended, over bytes, anchored; NULL: none */
    const char *pattern_text; /* as AWS writes it */
    double minimum, maximum;  /* of a number, or of the length of a string, list, map or blob */
};

struct model_operation {
    const char *name;
    const struct model_shape *input, *output; /* NULL: none */
    const char *wrapper;                      /* element around the result in query answers */
};

struct model_error {
    const char *shape_name; /* the name in JSON and CBOR */
    const char *code;       /* the name in XML */
    int http_status;
    bool fault; /* the server's, not the client's */
    const struct model_shape *shape;
};

struct model_service {
    const char *name; /* "ec2", "elbv2", "autoscaling", "cloudwatch", "sts", "ssm" */
    const char *version, *xml_namespace;
    uint8_t protocols;         /* set of enum model_protocol */
    bool query_compatible;     /* errors outside query carry their query code in a header */
    const char *json_version;  /* "1.0", "1.1" or NULL */
    const char *target_prefix; /* of X-Amz-Target */
    const char *signing_name;  /* in the scope of a signature */
    const struct model_operation *operations; /* sorted by name */
    const struct model_shape *shapes;
    const struct model_error *errors; /* ends with a row whose shape_name is NULL */
    uint16_t operation_count, shape_count, patterns_skipped;
};

/* All services; ends with NULL. */
extern const struct model_service *const model_services[];

/* The service, or NULL. */
const struct model_service *model_find_service(const char *name);
/* The operation, or NULL. */
const struct model_operation *model_find_operation(const struct model_service *service,
                                                   const char *name);
/* The member of a structure by its name, or NULL. */
const struct model_member *model_find_member(const struct model_shape *shape, const char *name);
/* The error with this code or shape name, or NULL. */
const struct model_error *model_find_error(const struct model_service *service, const char *code);
/* The member of the input that is a client token, or NULL. */
const struct model_member *model_client_token(const struct model_operation *operation);

/*
 * Flow logs: kind `flow-log`, shape FlowLog. `_kind`: of the document that ResourceId names.
 * What they ask for, control/flow_logs.c does.
 */
#pragma once

#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define EC2_FLOW_LOG "flow-log"

/* Where the files of a log go: "<bucket>/<prefix>/", below which are AWSLogs; safe as a path. */
enum { EC2_FLOW_LOG_FOLDER_SIZE = 640 };
/* Reads "arn:aws:s3:::bucket/prefix/"; false if it is none, or no name that AWS accepts. */
bool ec2_flow_log_folder(const char *arn, char folder[EC2_FLOW_LOG_FOLDER_SIZE]);

/* What may have flow logs that an interface is in: itself, its subnet, its VPC. */
enum { EC2_FLOW_LOG_RESOURCES = 3 };
const char *ec2_flow_log_resource(const json_t *interface, int index);

/* What a record can have, and since which version. */
#define EC2_FLOW_FIELDS(X)                                                                         \
    X(VERSION, "version", 2)                                                                       \
    X(ACCOUNT_ID, "account-id", 2)                                                                 \
    X(INTERFACE_ID, "interface-id", 2)                                                             \
    X(SRCADDR, "srcaddr", 2)                                                                       \
    X(DSTADDR, "dstaddr", 2)                                                                       \
    X(SRCPORT, "srcport", 2)                                                                       \
    X(DSTPORT, "dstport", 2)                                                                       \
    X(PROTOCOL, "protocol", 2)                                                                     \
    X(PACKETS, "packets", 2)                                                                       \
    X(BYTES, "bytes", 2)                                                                           \
    X(START, "start", 2)                                                                           \
    X(END, "end", 2)                                                                               \
    X(ACTION, "action", 2)                                                                         \
    X(LOG_STATUS, "log-status", 2)                                                                 \
    X(VPC_ID, "vpc-id", 3)                                                                         \
    X(SUBNET_ID, "subnet-id", 3)                                                                   \
    X(INSTANCE_ID, "instance-id", 3)                                                               \
    X(TCP_FLAGS, "tcp-flags", 3)                                                                   \
    X(TYPE, "type", 3)                                                                             \
    X(PKT_SRCADDR, "pkt-srcaddr", 3)                                                               \
    X(PKT_DSTADDR, "pkt-dstaddr", 3)                                                               \
    X(REGION, "region", 4)                                                                         \
    X(AZ_ID, "az-id", 4)                                                                           \
    X(SUBLOCATION_TYPE, "sublocation-type", 4)                                                     \
    X(SUBLOCATION_ID, "sublocation-id", 4)                                                         \
    X(FLOW_DIRECTION, "flow-direction", 5)                                                         \
    X(ECS_CLUSTER_ARN, "ecs-cluster-arn", 7)                                                       \
    X(ECS_CLUSTER_NAME, "ecs-cluster-name", 7)                                                     \
    X(ECS_CONTAINER_INSTANCE_ARN, "ecs-container-instance-arn", 7)                                 \
    X(ECS_CONTAINER_INSTANCE_ID, "ecs-container-instance-id", 7)                                   \
    X(ECS_CONTAINER_ID, "ecs-container-id", 7)                                                     \
    X(ECS_SECOND_CONTAINER_ID, "ecs-second-container-id", 7)                                       \
    X(ECS_SERVICE_NAME, "ecs-service-name", 7)                                                     \
    X(ECS_TASK_DEFINITION_ARN, "ecs-task-definition-arn", 7)                                       \
    X(ECS_TASK_ARN, "ecs-task-arn", 7)                                                             \
    X(ECS_TASK_ID, "ecs-task-id", 7)                                                               \
    X(REJECT_REASON, "reject-reason", 8)                                                           \
    X(RESOURCE_ID, "resource-id", 9)                                                               \
    X(ENCRYPTION_STATUS, "encryption-status", 10)

enum ec2_flow_field {
#define X(name, text, version) EC2_FLOW_##name,
    EC2_FLOW_FIELDS(X)
#undef X
        EC2_FLOW_FIELD_COUNT
};

/* "interface-id" */
const char *ec2_flow_field_name(enum ec2_flow_field field);

enum { EC2_FLOW_FORMAT_MAX = 64 };
struct ec2_flow_format {
    enum ec2_flow_field fields[EC2_FLOW_FORMAT_MAX];
    int count;
    int version; /* of the youngest field */
};

/* Reads "${version} ${account-id} ...". */
int ec2_flow_format_read(const char *text, struct ec2_flow_format *format, struct err *err);

#include "control/usage_sources.h"

#include "service/doc.h"

#include <stdio.h>
#include <string.h>

/* What a gp3 volume has without being charged for it. */
enum { GP3_IOPS = 3000, GP3_THROUGHPUT = 125, ITEM_SIZE = 64, ALARM_PERIOD_S = 60 };

static void list_instance(const json_t *doc, usage_visitor *visit, void *arg)
{
    char item[ITEM_SIZE];
    if (!doc_is(json_object_get(doc, "State"), "Name", "running"))
        return;
    snprintf(item, sizeof item, "instance:%s", doc_text(doc, "InstanceType"));
    visit(arg, doc_text(doc, "InstanceId"), item, 1, doc_text(doc, "_group"));
}

/* LCUs and bytes are counted, so their records have no quantity. */
static void list_load_balancer(const json_t *doc, usage_visitor *visit, void *arg)
{
    const char *arn = doc_text(doc, "LoadBalancerArn");
    visit(arg, arn, "load-balancer", 1, "");
    visit(arg, arn, "lcu", 0, "");
}

static void list_nat_gateway(const json_t *doc, usage_visitor *visit, void *arg)
{
    const char *id = doc_text(doc, "NatGatewayId");
    if (!doc_is(doc, "State", "available"))
        return;
    visit(arg, id, "nat-gateway", 1, "");
    visit(arg, id, "nat-bytes", 0, "");
}

/* A public address that AWS gave; those of the account are of the kind `address`. */
static void list_interface(const json_t *doc, usage_visitor *visit, void *arg)
{
    const json_t *association = json_object_get(doc, "Association");
    if (*doc_text(association, "PublicIp") && !*doc_text(association, "AllocationId"))
        visit(arg, doc_text(doc, "NetworkInterfaceId"), "ipv4:in-use", 1, "");
}

static void list_address(const json_t *doc, usage_visitor *visit, void *arg)
{
    bool in_use = *doc_text(doc, "AssociationId");
    visit(arg, doc_text(doc, "AllocationId"), in_use ? "ipv4:in-use" : "ipv4:idle", 1, "");
}

static void list_volume(const json_t *doc, usage_visitor *visit, void *arg)
{
    const char *id = doc_text(doc, "VolumeId"), *type = doc_text(doc, "VolumeType");
    bool is_gp3 = !strcmp(type, "gp3");
    double iops = (double)doc_number(doc, "Iops") - (is_gp3 ? GP3_IOPS : 0);
    double throughput = (double)doc_number(doc, "Throughput") - GP3_THROUGHPUT;
    char item[ITEM_SIZE];
    if (!doc_is(doc, "State", "available") && !doc_is(doc, "State", "in-use"))
        return;
    snprintf(item, sizeof item, "volume:%s", type);
    visit(arg, id, item, (double)doc_number(doc, "Size"), "");
    snprintf(item, sizeof item, "volume-iops:%s", type);
    if ((is_gp3 || !strncmp(type, "io", 2)) && iops > 0)
        visit(arg, id, item, iops, "");
    snprintf(item, sizeof item, "volume-throughput:%s", type);
    if (is_gp3 && throughput > 0)
        visit(arg, id, item, throughput, "");
}

static void list_snapshot(const json_t *doc, usage_visitor *visit, void *arg)
{
    if (doc_is(doc, "State", "completed") && !doc_flag(doc, "_deleted"))
        visit(arg, doc_text(doc, "SnapshotId"), "snapshot", (double)doc_number(doc, "VolumeSize"),
              "");
}

static void list_alarm(const json_t *doc, usage_visitor *visit, void *arg)
{
    int64_t period_s = doc_number(doc, "Period");
    const char *item = "alarm:standard";
    if (json_object_get(doc, "AlarmRule"))
        item = "alarm:composite";
    else if (period_s > 0 && period_s < ALARM_PERIOD_S)
        item = "alarm:high-resolution";
    visit(arg, doc_text(doc, "AlarmName"), item, 1, "");
}

static void list_dashboard(const json_t *doc, usage_visitor *visit, void *arg)
{
    visit(arg, doc_text(doc, "DashboardName"), "dashboard", 1, "");
}

/* What a fleet without scaling would have had to be. */
static void list_group(const json_t *doc, usage_visitor *visit, void *arg)
{
    const char *name = doc_text(doc, "AutoScalingGroupName");
    visit(arg, name, "group-maximum", (double)doc_number(doc, "MaxSize"), name);
}

const struct usage_source usage_sources[USAGE_SOURCES] = {
    {"instance", "usage-instance", list_instance},
    {"load-balancer", "usage-load-balancer", list_load_balancer},
    {"nat-gateway", "usage-nat-gateway", list_nat_gateway},
    {"network-interface", "usage-network-interface", list_interface},
    {"address", "usage-address", list_address},
    {"volume", "usage-volume", list_volume},
    {"snapshot", "usage-snapshot", list_snapshot},
    {"alarm", "usage-alarm", list_alarm},
    {"dashboard", "usage-dashboard", list_dashboard},
    {"auto-scaling-group", "usage-auto-scaling-group", list_group},
};

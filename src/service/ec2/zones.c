#include "service/ec2/zones.h"

#include "service/accept.h"
#include "service/ec2/describe.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"

#include <stdio.h>
#include <string.h>

/* `code` begins the ids of its zones: "use1-az1". */
struct region {
    const char *name, *code;
    bool opt_in;        /* an account must enable it first; here all are */
    bool own_partition; /* of China or of the US government: not listed with the others */
};

static const struct region regions[] = {
    {"af-south-1", "afs1", true, false},       {"ap-east-1", "ape1", true, false},
    {"ap-east-2", "ape2", true, false},        {"ap-northeast-1", "apne1", false, false},
    {"ap-northeast-2", "apne2", false, false}, {"ap-northeast-3", "apne3", false, false},
    {"ap-south-1", "aps1", false, false},      {"ap-south-2", "aps2", true, false},
    {"ap-southeast-1", "apse1", false, false}, {"ap-southeast-2", "apse2", false, false},
    {"ap-southeast-3", "apse3", true, false},  {"ap-southeast-4", "apse4", true, false},
    {"ap-southeast-5", "apse5", true, false},  {"ap-southeast-6", "apse6", true, false},
    {"ap-southeast-7", "apse7", true, false},  {"ca-central-1", "cac1", false, false},
    {"ca-west-1", "caw1", true, false},        {"eu-central-1", "euc1", false, false},
    {"eu-central-2", "euc2", true, false},     {"eu-north-1", "eun1", false, false},
    {"eu-south-1", "eus1", true, false},       {"eu-south-2", "eus2", true, false},
    {"eu-west-1", "euw1", false, false},       {"eu-west-2", "euw2", false, false},
    {"eu-west-3", "euw3", false, false},       {"il-central-1", "ilc1", true, false},
    {"me-central-1", "mec1", true, false},     {"me-south-1", "mes1", true, false},
    {"mx-central-1", "mxc1", true, false},     {"sa-east-1", "sae1", false, false},
    {"us-east-1", "use1", false, false},       {"us-east-2", "use2", false, false},
    {"us-west-1", "usw1", false, false},       {"us-west-2", "usw2", false, false},
    {"cn-north-1", "cnn1", false, true},       {"cn-northwest-1", "cnnw1", false, true},
    {"us-gov-east-1", "usge1", false, true},   {"us-gov-west-1", "usgw1", false, true},
};

enum { REGION_COUNT = sizeof regions / sizeof *regions };

static const struct region *find_region(const char *name)
{
    for (size_t i = 0; i < REGION_COUNT; i++)
        if (!strcmp(regions[i].name, name))
            return &regions[i];
    return NULL;
}

bool ec2_region_exists(const char *region)
{
    return find_region(region) != NULL;
}

void ec2_zone_name(const char *region, int index, char out[32])
{
    snprintf(out, 32, "%.24s%c", region, 'a' + index);
}

bool ec2_zone_id(const char *region, const char *zone, char out[32])
{
    const struct region *row = find_region(region);
    char name[32];
    for (int i = 0; row && i < EC2_ZONES; i++) {
        ec2_zone_name(region, i, name);
        if (strcmp(name, zone))
            continue;
        snprintf(out, 32, "%s-az%d", row->code, i + 1);
        return true;
    }
    return false;
}

bool ec2_zone_of_id(const char *region, const char *zone_id, char out[32])
{
    char id[32];
    for (int i = 0; i < EC2_ZONES; i++) {
        ec2_zone_name(region, i, out);
        if (ec2_zone_id(region, out, id) && !strcmp(id, zone_id))
            return true;
    }
    return false;
}

/* ---- DescribeRegions, DescribeAvailabilityZones ---- */

/* Whether a list of the request is absent or names `text`. */
static bool is_listed(const struct call *call, const char *member, const char *text)
{
    const json_t *list = json_object_get(call->in, member);
    return json_array_size(list) == 0 || ec2_path_has(list, "", text);
}

static json_t *make_region(const struct region *region)
{
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "ec2.%s.amazonaws.com", region->name);
    return json_pack("{s:s, s:s, s:s}", "RegionName", region->name, "Endpoint", endpoint,
                     "OptInStatus", region->opt_in ? "opted-in" : "opt-in-not-required");
}

int ec2_DescribeRegions(struct call *call, struct err *err)
{
    static const struct ec2_filter filters[] = {
        {"region-name", "RegionName"},
        {"endpoint", "Endpoint"},
        {"opt-in-status", "OptInStatus"},
        {NULL, NULL},
    };
    const json_t *wanted = json_object_get(call->in, "Filters");
    if (call_accept(call->in, "Filters RegionNames AllRegions", err) < 0 ||
        ec2_filters_check(wanted, filters, err) < 0)
        return -1;
    size_t k;
    const json_t *name;
    json_array_foreach (json_object_get(call->in, "RegionNames"), k, name)
        if (!ec2_region_exists(json_string_value(name)))
            return err_aws(err, "InvalidParameterValue", "Invalid region provided: %.64s",
                           json_string_value(name));
    json_t *list = json_array();
    json_object_set_new(call->out, "Regions", list);
    for (size_t i = 0; i < REGION_COUNT; i++) {
        json_auto_t *region = make_region(&regions[i]);
        if (!regions[i].own_partition && is_listed(call, "RegionNames", regions[i].name) &&
            ec2_filters_match(wanted, filters, region))
            json_array_append(list, region);
    }
    return 0;
}

static json_t *make_zone(const struct call *call, int index)
{
    char name[32], id[32] = "", group[40];
    ec2_zone_name(call->region, index, name);
    ec2_zone_id(call->region, name, id);
    snprintf(group, sizeof group, "%.24s-zg-1", call->region);
    return json_pack("{s:s, s:s, s:[], s:s, s:s, s:s, s:s, s:s, s:s}", "State", "available",
                     "OptInStatus", "opt-in-not-required", "Messages", "RegionName", call->region,
                     "ZoneName", name, "ZoneId", id, "GroupName", group, "NetworkBorderGroup",
                     call->region, "ZoneType", "availability-zone");
}

/* Every zone that the request names must exist. */
static int check_zone_names(const struct call *call, struct err *err)
{
    char other[32];
    size_t i;
    const json_t *item;
    json_array_foreach (json_object_get(call->in, "ZoneNames"), i, item)
        if (!ec2_zone_id(call->region, json_string_value(item), other))
            return err_aws(err, "InvalidParameterValue", "Invalid availability zone: [%.64s]",
                           json_string_value(item));
    json_array_foreach (json_object_get(call->in, "ZoneIds"), i, item)
        if (!ec2_zone_of_id(call->region, json_string_value(item), other))
            return err_aws(err, "InvalidParameterValue", "Invalid availability zone-id: [%.64s]",
                           json_string_value(item));
    return 0;
}

int ec2_DescribeAvailabilityZones(struct call *call, struct err *err)
{
    static const struct ec2_filter filters[] = {
        {"group-name", "GroupName"},
        {"message", "Messages.Message"},
        {"opt-in-status", "OptInStatus"},
        {"region-name", "RegionName"},
        {"state", "State"},
        {"zone-id", "ZoneId"},
        {"group-long-name", "GroupLongName"},
        {"parent-zone-id", "ParentZoneId"},
        {"parent-zone-name", "ParentZoneName"},
        {"zone-name", "ZoneName"},
        {"zone-type", "ZoneType"},
        {NULL, NULL},
    };
    const json_t *wanted = json_object_get(call->in, "Filters");
    if (call_accept(call->in, "Filters ZoneNames ZoneIds AllAvailabilityZones", err) < 0 ||
        ec2_filters_check(wanted, filters, err) < 0 || check_zone_names(call, err) < 0)
        return -1;
    json_t *list = json_array();
    json_object_set_new(call->out, "AvailabilityZones", list);
    for (int i = 0; i < EC2_ZONES; i++) {
        json_auto_t *zone = make_zone(call, i);
        if (is_listed(call, "ZoneNames", ec2_text(zone, "ZoneName")) &&
            is_listed(call, "ZoneIds", ec2_text(zone, "ZoneId")) &&
            ec2_filters_match(wanted, filters, zone))
            json_array_append(list, zone);
    }
    return 0;
}

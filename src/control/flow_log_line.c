#include "control/flow_log_line.h"

#include "service/doc.h"
#include "service/ec2/cidr.h"

static const char *or_dash(const char *text)
{
    return *text ? text : "-";
}

static const char *zone_id(const struct flow_log_line *line)
{
    const json_t *subnet = store_get(line->control->store, "subnet", line->region,
                                     doc_text(line->interface, "SubnetId"));
    return doc_text(subnet, "AvailabilityZoneId");
}

/* What is known also without a flow; NULL if the field is another. */
static const char *common_text(const struct flow_log_line *line, enum ec2_flow_field field)
{
    const json_t *interface = line->interface;
    switch (field) {
    case EC2_FLOW_ACCOUNT_ID:
        return line->control->world->account;
    case EC2_FLOW_INTERFACE_ID:
        return doc_text(interface, "NetworkInterfaceId");
    case EC2_FLOW_LOG_STATUS:
        return line->status;
    case EC2_FLOW_VPC_ID:
        return doc_text(interface, "VpcId");
    case EC2_FLOW_SUBNET_ID:
        return doc_text(interface, "SubnetId");
    case EC2_FLOW_INSTANCE_ID:
        return or_dash(doc_text(json_object_get(interface, "Attachment"), "InstanceId"));
    case EC2_FLOW_REGION:
        return line->region;
    case EC2_FLOW_AZ_ID:
        return or_dash(zone_id(line));
    default:
        return NULL;
    }
}

/* Of what an interface sends or gets, its own address is always its primary one. */
static void append_address(struct buf *out, const struct flow_log_line *line, bool is_own,
                           uint32_t address)
{
    char text[16];
    cidr_format_address(address, text);
    buf_append_string(out, is_own ? doc_text(line->interface, "PrivateIpAddress") : text);
}

static void append_of_flow(struct buf *out, const struct flow_log_line *line,
                           enum ec2_flow_field field)
{
    const struct flow *flow = line->flow;
    bool egress = flow->direction == DIRECTION_EGRESS;
    switch (field) {
    case EC2_FLOW_SRCADDR:
    case EC2_FLOW_PKT_SRCADDR:
        append_address(out, line, egress && field == EC2_FLOW_SRCADDR, flow->source);
        break;
    case EC2_FLOW_DSTADDR:
    case EC2_FLOW_PKT_DSTADDR:
        append_address(out, line, !egress && field == EC2_FLOW_DSTADDR, flow->destination);
        break;
    case EC2_FLOW_SRCPORT:
        buf_printf(out, "%u", flow->source_port);
        break;
    case EC2_FLOW_DSTPORT:
        buf_printf(out, "%u", flow->destination_port);
        break;
    case EC2_FLOW_PROTOCOL:
        buf_printf(out, "%u", flow->protocol);
        break;
    case EC2_FLOW_PACKETS:
        buf_printf(out, "%llu", (unsigned long long)flow->packets);
        break;
    case EC2_FLOW_BYTES:
        buf_printf(out, "%llu", (unsigned long long)flow->bytes);
        break;
    case EC2_FLOW_ACTION:
        buf_append_string(out, flow->action == ACTION_ALLOW ? "ACCEPT" : "REJECT");
        break;
    case EC2_FLOW_TCP_FLAGS:
        buf_printf(out, "%u", flow->tcp_flags);
        break;
    case EC2_FLOW_TYPE:
        buf_append_string(out, "IPv4");
        break;
    case EC2_FLOW_FLOW_DIRECTION:
        buf_append_string(out, egress ? "egress" : "ingress");
        break;
    default:
        buf_append_string(out, "-"); /* what there is not here */
    }
}

static void append_field(struct buf *out, const struct flow_log_line *line, int version,
                         enum ec2_flow_field field)
{
    const char *text = common_text(line, field);
    if (text)
        buf_append_string(out, text);
    else if (field == EC2_FLOW_VERSION)
        buf_printf(out, "%d", version);
    else if (field == EC2_FLOW_START || field == EC2_FLOW_END)
        buf_printf(out, "%lld",
                   (long long)(field == EC2_FLOW_START ? line->start_ms : line->end_ms) / 1000);
    else if (line->flow)
        append_of_flow(out, line, field);
    else
        buf_append_string(out, "-");
}

void flow_log_append_line(struct buf *out, const struct flow_log_line *line,
                          const struct ec2_flow_format *format)
{
    for (int i = 0; i < format->count; i++) {
        if (i)
            buf_append_string(out, " ");
        append_field(out, line, format->version, format->fields[i]);
    }
    buf_append_string(out, "\n");
}

void flow_log_append_names(struct buf *out, const struct ec2_flow_format *format)
{
    for (int i = 0; i < format->count; i++)
        buf_printf(out, "%s%s", i ? " " : "", ec2_flow_field_name(format->fields[i]));
    buf_append_string(out, "\n");
}

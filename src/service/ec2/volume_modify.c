/* ModifyVolume: the type and its figures at once, the size as soon as the host has let it grow. */
#include "service/accept.h"
#include "service/doc.h"
#include "service/ec2/describe.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/volume.h"

#include <string.h>

static const char kind[] = "volume";

/* A figure that the request gives, else the volume's own where the new type can have it. */
static int64_t figure(const struct call *call, const json_t *volume, const char *member)
{
    const json_t *given = json_object_get(call->in, member);
    const char *type = ec2_text(call->in, "VolumeType");
    bool keeps_type = !type || doc_is(volume, "VolumeType", type);
    bool is_own = keeps_type && !doc_is(volume, "VolumeType", "gp2");
    return given ? json_integer_value(given) : is_own ? doc_number(volume, member) : 0;
}

static int check(const struct call *call, const json_t *volume, struct volume_shape *shape,
                 struct err *err)
{
    const char *id = doc_text(volume, "VolumeId"), *type = ec2_text(call->in, "VolumeType");
    const json_t *size = json_object_get(call->in, "Size");
    int64_t before = doc_number(volume, "Size");
    if (!doc_is(volume, "State", "available") && !doc_is(volume, "State", "in-use"))
        return err_aws(err, "IncorrectState", "Volume '%s' is in the '%s' state.", id,
                       doc_text(volume, "State"));
    if (doc_number(volume, "_made_gib") < before)
        return err_aws(err, "IncorrectModificationState", "Volume %s is already being modified.",
                       id);
    *shape = (struct volume_shape){
        .type = type ? type : doc_text(volume, "VolumeType"),
        .size_gib = size ? json_integer_value(size) : before,
        .iops = figure(call, volume, "Iops"),
        .throughput = figure(call, volume, "Throughput"),
    };
    if (shape->size_gib < before)
        return err_aws(err, "InvalidParameterValue",
                       "New size cannot be smaller than existing size");
    return volume_shape_complete(shape, err);
}

static void set_figure(json_t *doc, const char *member, int64_t value)
{
    if (value)
        json_object_set_new(doc, member, json_integer(value));
    else
        json_object_del(doc, member);
}

static json_t *describe_change(const struct call *call, const json_t *volume,
                               const struct volume_shape *shape)
{
    bool grows = shape->size_gib > doc_number(volume, "Size");
    json_t *change = json_pack(
        "{s:O, s:s, s:I, s:s, s:b, s:O, s:O, s:b, s:i, s:o}", "VolumeId",
        json_object_get(volume, "VolumeId"), "ModificationState", grows ? "modifying" : "completed",
        "TargetSize", (json_int_t)shape->size_gib, "TargetVolumeType", shape->type,
        "TargetMultiAttachEnabled", 0, "OriginalSize", json_object_get(volume, "Size"),
        "OriginalVolumeType", json_object_get(volume, "VolumeType"), "OriginalMultiAttachEnabled",
        0, "Progress", grows ? 0 : 100, "StartTime", call_now(call));
    set_figure(change, "TargetIops", shape->iops);
    set_figure(change, "TargetThroughput", shape->throughput);
    set_figure(change, "OriginalIops", doc_number(volume, "Iops"));
    set_figure(change, "OriginalThroughput", doc_number(volume, "Throughput"));
    if (!grows)
        json_object_set_new(change, "EndTime", call_now(call));
    return change;
}

int ec2_ModifyVolume(struct call *call, struct err *err)
{
    struct volume_shape shape;
    const char *id = ec2_required(call, "VolumeId", err);
    if (!id || call_accept(call->in, "VolumeId Size VolumeType Iops Throughput", err) < 0)
        return -1;
    const json_t *known = ec2_find(call, kind, id, err);
    if (!known || check(call, known, &shape, err) < 0)
        return -1;
    json_t *volume = txn_edit(call->txn, kind, call->region, id);
    json_t *change = describe_change(call, volume, &shape);
    json_object_set_new(volume, "_modification", change);
    json_object_set_new(volume, "VolumeType", json_string(shape.type));
    set_figure(volume, "Size", shape.size_gib);
    set_figure(volume, "Iops", shape.iops);
    set_figure(volume, "Throughput", shape.throughput);
    return json_object_set(call->out, "VolumeModification", change);
}

static json_t *show_modification(const struct call *call, const json_t *volume)
{
    (void)call;
    return json_incref(json_object_get(volume, "_modification"));
}

int ec2_DescribeVolumesModifications(struct call *call, struct err *err)
{
    static const struct ec2_filter filters[] = {
        {"modification-state", "ModificationState"},
        {"original-iops", "OriginalIops"},
        {"original-size", "OriginalSize"},
        {"original-volume-type", "OriginalVolumeType"},
        {"target-iops", "TargetIops"},
        {"target-size", "TargetSize"},
        {"target-volume-type", "TargetVolumeType"},
        {"volume-id", "VolumeId"},
        {NULL, NULL},
    };
    static const struct ec2_describe describe = {
        .kind = kind,
        .list = "VolumesModifications",
        .selectors = {{"VolumeIds", "VolumeId", kind}},
        .filters = filters,
        .show = show_modification,
        .results_min = 1,
    };
    return ec2_describe(call, &describe, err);
}

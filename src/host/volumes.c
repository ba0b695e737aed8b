#include "host/volumes.h"

#include "base/cleanup.h"
#include "host/run/worker.h"
#include "host/volume/attach.h"
#include "host/volume/disk.h"
#include "host/volume/work.h"
#include "ipc/id.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What a worker is given, and what is said when it is done. */
struct job {
    struct volumes *volumes;
    struct volume_work work;
    struct attach_job attach;
    uint32_t done, failed; /* enum volume_report */
};

static void report(struct volumes *volumes, const struct message_volume *volume, uint32_t what,
                   const char *text)
{
    struct message_volume_state state = {.report = what, .gib = volume->gib};
    memcpy(state.volume, volume->volume, ID_SIZE);
    memcpy(state.instance, volume->instance, ID_SIZE);
    snprintf(state.text, sizeof state.text, "%.*s", (int)sizeof state.text - 1, text);
    volumes->report(volumes->owner, MESSAGE_VOLUME_STATE, &state, sizeof state);
}

static void on_volume_done(void *owner, const struct err *failure)
{
    auto_free struct job *job = owner;
    uint32_t what = !failure ? job->done : failure->again ? VOLUME_BUSY : job->failed;
    report(job->volumes, &job->work.volume, what, failure ? failure->text : "");
}

static struct job *create_job(struct volumes *volumes, struct err *err)
{
    struct job *job = calloc(1, sizeof *job);
    if (!job) {
        err_sys(err, ENOMEM, "work on a volume");
        return NULL;
    }
    job->volumes = volumes;
    job->work.store = volumes->store;
    job->work.stage_dir = volumes->stage_dir;
    return job;
}

/* ---- making ---- */

static int make(const void *argument, struct err *err)
{
    const struct job *job = argument;
    return volume_make(&job->work, err);
}

static bool is_sound(const struct message_volume *volume)
{
    if (volume->layer_count > LAYERS_MAX ||
        (volume->snapshot[0] && !id_is_valid(volume->snapshot, "snap-")))
        return false;
    for (uint32_t i = 0; i < volume->layer_count; i++)
        if (!id_is_valid(volume->layers[i], ""))
            return false;
    return id_is_valid(volume->volume, "vol-");
}

static void start(struct volumes *volumes, const struct message_volume *volume, struct job *job,
                  int (*work)(const void *argument, struct err *err))
{
    struct err err;
    job->work.volume = *volume;
    struct worker_job worker = {work, job, on_volume_done, job};
    if (worker_start(volumes->loop, &worker, &err) < 0)
        on_volume_done(job, &err);
}

static void on_make(struct volumes *volumes, const struct message_volume *volume)
{
    struct err err;
    struct job *job = create_job(volumes, &err);
    if (!job) {
        report(volumes, volume, VOLUME_NOT_MADE, err.text);
        return;
    }
    job->done = VOLUME_MADE;
    job->failed = VOLUME_NOT_MADE;
    start(volumes, volume, job, make);
}

/* ---- attaching and detaching ---- */

static int attach(const void *argument, struct err *err)
{
    const struct job *job = argument;
    return attach_to_running(&job->attach, err);
}

static int detach(const void *argument, struct err *err)
{
    const struct job *job = argument;
    int result = detach_from_running(&job->attach, err);
    return result == ATTACH_BUSY ? err_again(err) : result;
}

/* An instance that does not run finds the volumes that it has when it starts. */
static void on_attachment(struct volumes *volumes, const struct message_volume *volume,
                          bool attaches)
{
    struct err err;
    struct instance_process process;
    uint32_t done = attaches ? VOLUME_ATTACHED : VOLUME_DETACHED;
    if (!id_is_valid(volume->instance, "i-") || !attach_is_device(volume->device))
        return;
    if (!instances_find_process(volumes->instances, volume->instance, &process)) {
        report(volumes, volume, done, "");
        return;
    }
    struct job *job = create_job(volumes, &err);
    if (!job)
        return; /* api asks the next host */
    job->done = done;
    job->failed = attaches ? VOLUME_NOT_ATTACHED : VOLUME_BUSY;
    job->work.volume = *volume;
    job->attach = (struct attach_job){
        .source = {.images_dir = volumes->store.images_dir,
                   .volumes_dir = volumes->store.volumes_dir,
                   .stage_dir = volumes->stage_dir,
                   .volume = job->work.volume.volume,
                   .root_id = process.root_id},
        .cgroups = process.cgroups,
        .instance = job->work.volume.instance,
        .limits = volume->limits,
        .pid = process.pid,
        .start_time = process.start_time,
        .force = volume->force != 0,
    };
    memcpy(job->attach.device, volume->device, DEVICE_SIZE);
    start(volumes, volume, job, attaches ? attach : detach);
}

/* ---- keeping ---- */

static int keep(const void *argument, struct err *err)
{
    const struct job *job = argument;
    return volume_keep(&job->work, err);
}

static void finish_keeping(struct volumes *volumes, const struct message_image_create *request,
                           const struct err *failure)
{
    struct message_image_done done = {.failed = failure != NULL};
    struct err ignored;
    if (request->instance[0])
        instances_freeze(volumes->instances, request->instance, false, &ignored);
    memcpy(done.image, request->image, ID_SIZE);
    if (failure)
        snprintf(done.text, sizeof done.text, "%.*s", (int)sizeof done.text - 1, failure->text);
    volumes->report(volumes->owner, MESSAGE_IMAGE_DONE, &done, sizeof done);
}

static void on_kept(void *owner, const struct err *failure)
{
    auto_free struct job *job = owner;
    finish_keeping(job->volumes, &job->work.keep, failure);
}

static int start_keeping(struct volumes *volumes, const struct message_image_create *request,
                         struct err *err)
{
    auto_free struct job *job = create_job(volumes, err);
    if (!job)
        return -1;
    job->work.keep = *request;
    struct worker_job worker = {keep, job, on_kept, job};
    if ((request->instance[0] &&
         instances_freeze(volumes->instances, request->instance, true, err) < 0) ||
        worker_start(volumes->loop, &worker, err) < 0)
        return -1;
    ptr_take(&job);
    return 0;
}

static void on_keep(struct volumes *volumes, const struct message_image_create *request)
{
    struct err err;
    bool named = id_is_valid(request->image, "ami-") || id_is_valid(request->image, "snap-");
    bool of_instance = id_is_valid(request->instance, "i-");
    bool of_volume = id_is_valid(request->volume, "vol-");
    /* The layer of the host's own programs is nobody's to make. */
    if (!named || (request->instance[0] && !of_instance) || (request->volume[0] && !of_volume) ||
        (!of_instance && !of_volume))
        return;
    if (start_keeping(volumes, request, &err) < 0)
        finish_keeping(volumes, request, &err);
}

/* ---- all of them ---- */

static void on_delete(struct volumes *volumes, const char *id)
{
    struct err ignored; /* of a volume that is left over, a later delete says the same */
    if (id_is_valid(id, "vol-") && store_drop_volume(&volumes->store, id, &ignored) >= 0)
        volumes->on_dropped(volumes->owner);
}

void volumes_receive(struct volumes *volumes, enum message_type type, const void *payload)
{
    const struct message_volume *volume = payload;
    if (type == MESSAGE_IMAGE_CREATE)
        on_keep(volumes, payload);
    else if (type == MESSAGE_VOLUME_DELETE)
        on_delete(volumes, ((const struct message_id *)payload)->id);
    else if (is_sound(volume) && type == MESSAGE_VOLUME_MAKE)
        on_make(volumes, volume);
    else if (is_sound(volume))
        on_attachment(volumes, volume, type == MESSAGE_VOLUME_ATTACH);
}

/* ---- the machine's disk ---- */

static int share_room(const void *argument, struct err *err)
{
    return volumes_share_room(argument, err);
}

static void on_shared(void *owner, const struct err *failure)
{
    struct volumes *volumes = owner;
    (void)failure; /* what could not be done is tried again in a second */
    volumes->sharing = false;
}

void volumes_tick(struct volumes *volumes)
{
    struct err ignored;
    bool scarce = disk_room(volumes->store.volumes_dir) < disk_plenty_bytes;
    if (volumes->sharing || (!scarce && !volumes->was_scarce))
        return;
    struct volume_work work = {.store = volumes->store};
    struct worker_job job = {share_room, &work, on_shared, volumes};
    volumes->was_scarce = scarce;
    volumes->sharing = worker_start(volumes->loop, &job, &ignored) >= 0;
}

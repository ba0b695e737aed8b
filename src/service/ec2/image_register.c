#include "service/ec2/image_register.h"

#include "service/ec2/ids.h"
#include "service/ec2/images.h"
#include "service/ec2/public_images.h"

static const char kind[] = "image";

/* Layers are shared by all regions, so an id must be new in each. */
struct search {
    const struct store *store;
    const char *id;
    bool found;
};

static void look_in_region(void *arg, const char *region)
{
    struct search *search = arg;
    search->found |= store_get(search->store, kind, region, search->id) != NULL;
}

static int check_id(const struct call *call, const char *id, struct err *err)
{
    struct search search = {.store = call->store, .id = id};
    if (ec2_id_check(kind, id, err) < 0)
        return -1;
    store_regions(call->store, kind, look_in_region, &search);
    if (search.found)
        return err_aws(err, "InvalidAMIID.Duplicate", "The image %s is registered already.", id);
    return 0;
}

int image_register(struct call *call, struct err *err)
{
    char id[32];
    const char *name = ec2_required(call, "Name", err);
    const char *made_id = ec2_text(call->in, "ImageId");
    if (!name || image_check_name(call, name, err) < 0)
        return -1;
    if (!made_id) {
        call_make_id(call, "ami", id);
        return json_object_set_new(call->out, "ImageId", json_string(id));
    }
    if (check_id(call, made_id, err) < 0)
        return -1;
    json_auto_t *source =
        json_pack("{s:s, s:s, s:[s]}", "Architecture", public_image_architecture(),
                  "RootDeviceName", "/dev/xvda", "_layers", made_id);
    json_t *image = image_make_document(call, source, made_id, name);
    json_object_set_new(image, "State", json_string("available"));
    json_object_set_new(image, "Tags", json_array());
    txn_put(call->txn, kind, call->region, made_id, image);
    return json_object_set_new(call->out, "ImageId", json_string(made_id));
}

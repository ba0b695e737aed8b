/* Runs an operation: one transaction, client tokens, DryRun. */
#include "front/client_token.h"
#include "front/exchange.h"

#include <string.h>

static const char dry_run_code[] = "DryRunOperation";

/* What the handler sees: the input without what the front has dealt with. */
static json_t *handler_input(const json_t *in, bool *ret_dry_run)
{
    *ret_dry_run = json_is_true(json_object_get(in, "DryRun"));
    json_t *copy = json_copy((json_t *)in);
    json_object_del(copy, "DryRun");
    return copy;
}

static int run_handler(struct call *call, const struct front_call *front, service_handler *handler,
                       struct err *err)
{
    struct client_token token;
    if (service_prepare_region(call, err) < 0)
        return -1;
    int found = client_token_find(&token, call, front->service, front->operation, err);
    if (found != 0)
        return found < 0 ? -1 : 0;
    if (handler(call, err) < 0)
        return -1;
    client_token_keep(&token, call);
    return 0;
}

static int dry_run(struct err *err)
{
    err_aws(err, dry_run_code, "Request would have succeeded, but DryRun flag is set.");
    err->http_status = 412;
    return -1;
}

static struct call make_call(const struct front_call *front, struct txn *txn, const json_t *in,
                             json_t *out)
{
    const struct front_options *options = front->options;
    return (struct call){
        .world = options->world,
        .txn = txn,
        .store = options->store,
        .series = options->series,
        .account = options->account,
        .region = front->region,
        .user_arn = front->user_arn,
        .access_key = front->claim.access_key,
        .request_id = front->request_id,
        .now_ms = options->cloud_now_ms(options->arg),
        .in = in,
        .out = out,
    };
}

int front_dispatch(const struct front_call *front, const json_t *in, struct front_answer *answer,
                   struct err *err)
{
    const struct service_operation *row =
        service_find(front->service->name, front->operation->name);
    if (!row)
        return front_fail(front, FRONT_NOT_SUPPORTED, err,
                          "The operation %s is not supported by Pileus yet.",
                          front->operation->name);
    bool is_dry_run;
    json_auto_t *input = handler_input(in, &is_dry_run);
    json_auto_t *out = json_object();
    if (!input || !out)
        return err_set(err, "out of memory");
    auto_txn *txn = txn_begin(front->options->store);
    struct call call = make_call(front, txn, input, out);
    if (run_handler(&call, front, row->handler, err) < 0)
        return -1;
    if (is_dry_run)
        return dry_run(err);
    /* Encoded first: an answer that cannot be given must not have changed anything. */
    const char *documents = txn_dirty(txn) ? NULL : call.documents;
    if (front_answer_result(front, out, documents, answer, err) < 0)
        return -1;
    if (!txn_dirty(txn))
        return 0;
    int committed = txn_commit(txn, err);
    txn = NULL;
    if (committed < 0)
        front_answer_finish(answer);
    return committed;
}

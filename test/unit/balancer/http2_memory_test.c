/* Sessions of nghttp2 whose memory rests between any two steps. */
#include "balancer/http2_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BODY_SIZE = 40000, FIELD_SIZE = 3000 };

struct pair {
    struct rest_set set;
    nghttp2_session *client, *server;
    size_t body, answered;
};

static void rest(struct pair *pair)
{
    rest_tick(&pair->set);
    rest_tick(&pair->set);
    assert_false(rest_quiet(&pair->set, 10));
}

static nghttp2_session *awake(nghttp2_session *session)
{
    rest_wake(session);
    return session;
}

static ssize_t give_body(nghttp2_session *session, int32_t id, uint8_t *data, size_t size,
                         uint32_t *flags, nghttp2_data_source *source, void *owner)
{
    size_t *left = source->ptr;
    (void)session, (void)id, (void)owner;
    size = size < *left ? size : *left;
    memset(data, 'b', size);
    *left -= size;
    if (!*left)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)size;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *owner)
{
    struct pair *pair = owner;
    static char large[FIELD_SIZE];
    memset(large, 'v', sizeof large);
    const nghttp2_nv fields[] = {
        {(uint8_t *)":status", (uint8_t *)"200", 7, 3, 0},
        {(uint8_t *)"x-large", (uint8_t *)large, 7, sizeof large, 0},
    };
    nghttp2_data_provider provider = {{.ptr = &pair->body}, give_body};
    if (session == pair->server && frame->hd.type == NGHTTP2_HEADERS) {
        pair->body = BODY_SIZE;
        assert_int_equal(
            nghttp2_submit_response(session, frame->hd.stream_id, fields, 2, &provider), 0);
    }
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                   size_t size, void *owner)
{
    struct pair *pair = owner;
    (void)session, (void)flags, (void)id, (void)data;
    pair->answered += size;
    return 0;
}

static struct pair *set_up(void)
{
    struct pair *pair = calloc(1, sizeof *pair);
    nghttp2_session_callbacks *callbacks;
    rest_set_init(&pair->set);
    assert_int_equal(nghttp2_session_callbacks_new(&callbacks), 0);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    pair->server = http2_memory_session(&pair->set, true, callbacks, pair, NULL);
    pair->client = http2_memory_session(&pair->set, false, callbacks, pair, NULL);
    nghttp2_session_callbacks_del(callbacks);
    assert_true(rest_owns(pair->server));
    for (int i = 0; i < 2; i++)
        nghttp2_submit_settings(i ? pair->server : pair->client, NGHTTP2_FLAG_NONE, NULL, 0);
    return pair;
}

static void tear_down(struct pair *pair)
{
    rest(pair);
    http2_memory_end(awake(pair->server));
    http2_memory_end(awake(pair->client));
    assert_true(list_empty(&pair->set.awake));
    free(pair);
}

/* One frame after the other, with a rest before and after it. */
static bool pass(struct pair *pair, nghttp2_session *from, nghttp2_session *to)
{
    const uint8_t *data;
    bool passed = false;
    ssize_t size;
    while ((size = nghttp2_session_mem_send(awake(from), &data)) > 0) {
        uint8_t *frame = malloc((size_t)size);
        memcpy(frame, data, (size_t)size);
        rest(pair);
        assert_int_equal(nghttp2_session_mem_recv(awake(to), frame, (size_t)size), size);
        free(frame);
        rest(pair);
        passed = true;
    }
    assert_int_equal(size, 0);
    return passed;
}

static void ask(struct pair *pair, int number)
{
    char path[32];
    int size = snprintf(path, sizeof path, "/%d", number);
    const nghttp2_nv fields[] = {
        {(uint8_t *)":method", (uint8_t *)"GET", 7, 3, 0},
        {(uint8_t *)":scheme", (uint8_t *)"https", 7, 5, 0},
        {(uint8_t *)":authority", (uint8_t *)"a", 10, 1, 0},
        {(uint8_t *)":path", (uint8_t *)path, 5, (size_t)size, 0},
    };
    assert_true(nghttp2_submit_request(awake(pair->client), NULL, fields, 4, NULL, NULL) > 0);
}

static void requests_are_answered_with_rests_in_between(void **state)
{
    (void)state;
    enum { COUNT = 20 };
    struct pair *pair = set_up();
    for (int i = 0; i < COUNT; i++) {
        ask(pair, i);
        while (pass(pair, pair->client, pair->server) || pass(pair, pair->server, pair->client))
            ;
    }
    assert_int_equal(pair->answered, COUNT * BODY_SIZE);
    tear_down(pair);
}

/* A table that grows moves out of the block; what it left there ends with the block. */
static void many_streams_at_once_do_not_fit_into_the_block(void **state)
{
    (void)state;
    enum { COUNT = 90 };
    struct pair *pair = set_up();
    while (pass(pair, pair->client, pair->server) || pass(pair, pair->server, pair->client))
        ;
    for (int i = 0; i < COUNT; i++)
        ask(pair, i);
    pass(pair, pair->client, pair->server);
    tear_down(pair);
}

/* nghttp2 frees what it had; the block is taken again. */
static void a_session_ends_while_it_rests(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        tear_down(set_up());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_answered_with_rests_in_between),
        cmocka_unit_test(many_streams_at_once_do_not_fit_into_the_block),
        cmocka_unit_test(a_session_ends_while_it_rests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "balancer/redirect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct redirect_facts facts = {.protocol = {"http", 4},
                                            .host = {"h", 1},
                                            .port = 81,
                                            .path = {"/p/q", 4},
                                            .query = {"a=b", 3}};

static void assert_location(struct action action, const struct redirect_facts *about,
                            const char *location)
{
    char room[256];
    struct writer out = {room, room + sizeof room, false};
    redirect_write(&out, &action, about);
    assert_false(out.full);
    assert_int_equal(out.at - room, strlen(location));
    assert_memory_equal(room, location, strlen(location));
}

static void every_part_may_hold_what_the_request_said(void **state)
{
    (void)state;
    struct action action = {.protocol = "#{protocol}",
                            .host = "#{host}",
                            .port = "#{port}",
                            .path = "/#{path}",
                            .query = "#{query}"};
    assert_location(action, &facts, "http://h:81/p/q?a=b");
    action.protocol = "HTTPS";
    action.host = "x.#{host}.y";
    action.port = "443";
    action.path = "/#{path}/#{host}#{port}#{";
    action.query = "#{protocol}#{path}#{query}#{nope}#";
    assert_location(action, &facts, "https://x.h.y:443/p/q/h81#{?httpp/qa=b#{nope}#");
}

static void an_empty_query_has_no_question_mark(void **state)
{
    (void)state;
    struct redirect_facts plain = facts;
    plain.query.size = 0;
    struct action action = {
        .protocol = "HTTP", .host = "h", .port = "80", .path = "/", .query = "#{query}"};
    assert_location(action, &plain, "http://h:80/");
    action.query = "";
    assert_location(action, &facts, "http://h:80/");
}

static void what_does_not_fit_is_seen(void **state)
{
    (void)state;
    char room[16];
    struct writer out = {room, room + sizeof room, false};
    struct action action = {.protocol = "HTTP",
                            .host = "#{host}",
                            .port = "80",
                            .path = "/#{path}/longer",
                            .query = ""};
    redirect_write(&out, &action, &facts);
    assert_true(out.full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_may_hold_what_the_request_said),
        cmocka_unit_test(an_empty_query_has_no_question_mark),
        cmocka_unit_test(what_does_not_fit_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "balancer/cookie_seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { DAY_S = 86400 };
static const int64_t now_s = 1795219200; /* the beginning of a day */
static const uint8_t key[COOKIE_KEY_SIZE] = "0123456789abcdef0123456789abcde";
static const uint8_t other_key[COOKIE_KEY_SIZE] = "1123456789abcdef0123456789abcde";
static const struct cookie_owner owner = {key, "app/a/1", "AWSALB"};
static struct cookie_sealer sealer;

static struct session session_with(int count)
{
    struct session session = {.count = count};
    for (int i = 0; i < count; i++)
        session.entries[i] = (struct session_entry){(uint64_t)i, (uint64_t)i * 7, now_s + 60 + i};
    return session;
}

static struct slice seal(const struct session *session, int64_t at_s)
{
    static char text[SESSION_TEXT_SIZE];
    size_t size = cookie_seal(&sealer, &owner, session, at_s, text);
    assert_true(size > 0 && size < SESSION_TEXT_SIZE);
    assert_int_equal(size, strlen(text));
    return (struct slice){text, size};
}

static bool opens(const struct cookie_owner *whose, struct slice value, int64_t at_s)
{
    struct session session;
    return cookie_open(&sealer, whose, value, at_s, &session);
}

static void what_was_sealed_is_read_again(void **state)
{
    (void)state;
    for (int count = 0; count <= SESSION_ENTRIES_MAX; count++) {
        struct session session = session_with(count), read;
        assert_true(cookie_open(&sealer, &owner, seal(&session, now_s), now_s, &read));
        assert_int_equal(read.count, count);
        assert_memory_equal(read.entries, session.entries, (size_t)count * sizeof *session.entries);
    }
}

static void the_same_session_never_looks_the_same(void **state)
{
    (void)state;
    struct session session = session_with(1);
    char first[SESSION_TEXT_SIZE];
    for (int i = 0; i < 200; i++) {
        snprintf(first, sizeof first, "%s", seal(&session, now_s).data);
        assert_string_not_equal(first, seal(&session, now_s).data);
    }
}

static void each_changed_character_makes_it_a_forgery(void **state)
{
    (void)state;
    struct session session = session_with(2);
    char text[SESSION_TEXT_SIZE];
    snprintf(text, sizeof text, "%s", seal(&session, now_s).data);
    for (size_t i = 0; text[i]; i++) {
        char was = text[i];
        text[i] = was == 'A' ? 'B' : 'A';
        assert_false(opens(&owner, (struct slice){text, strlen(text)}, now_s));
        text[i] = was;
    }
    assert_true(opens(&owner, (struct slice){text, strlen(text)}, now_s));
}

static void no_part_of_it_is_one(void **state)
{
    (void)state;
    struct session session = session_with(2);
    struct slice whole = seal(&session, now_s);
    for (size_t size = 0; size < whole.size; size++)
        assert_false(opens(&owner, (struct slice){whole.data, size}, now_s));
}

static void it_says_nothing_to_others(void **state)
{
    (void)state;
    struct session session = session_with(1);
    struct slice value = seal(&session, now_s);
    const struct cookie_owner others[] = {
        {other_key, "app/a/1", "AWSALB"}, {key, "app/b/1", "AWSALB"}, {key, "app/a/1", "AWSALBTG"}};
    for (int i = 0; i < 3; i++)
        assert_false(opens(&others[i], value, now_s));
}

static void entries_expire_one_by_one(void **state)
{
    (void)state;
    struct session session = session_with(3), read;
    struct slice value = seal(&session, now_s);
    assert_true(cookie_open(&sealer, &owner, value, now_s + 61, &read));
    assert_int_equal(read.count, 1);
    assert_int_equal(read.entries[0].group, 2);
    assert_true(cookie_open(&sealer, &owner, value, now_s + 62, &read));
    assert_int_equal(read.count, 0);
}

static void keys_change_daily_and_old_ones_are_forgotten(void **state)
{
    (void)state;
    struct session session = session_with(1), read;
    session.entries[0].expires_s = now_s + 100 * DAY_S;
    struct slice value = seal(&session, now_s);
    for (int day = 0; day <= 8; day++) {
        assert_true(cookie_open(&sealer, &owner, value, now_s + day * DAY_S, &read));
        assert_int_equal(read.count, 1);
    }
    assert_false(opens(&owner, value, now_s + 9 * DAY_S));
    assert_true(opens(&owner, value, now_s - 1)); /* the clock was set back */
    assert_false(opens(&owner, value, now_s - DAY_S - 1));
}

static void more_owners_than_ciphers_are_kept_take_turns(void **state)
{
    (void)state;
    struct session session = session_with(1), read;
    char names[50][16], text[SESSION_TEXT_SIZE];
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 50; i++) {
            memset(names[i], 0, sizeof names[i]);
            names[i][0] = (char)('0' + i);
            const struct cookie_owner one = {key, names[i], "AWSALB"};
            size_t size = cookie_seal(&sealer, &one, &session, now_s, text);
            assert_true(cookie_open(&sealer, &one, (struct slice){text, size}, now_s, &read));
        }
}

static void a_session_keeps_the_groups_that_were_set_last(void **state)
{
    (void)state;
    struct session session = {0};
    for (uint64_t group = 0; group < SESSION_ENTRIES_MAX + 1; group++)
        session_set(&session, &(struct session_entry){group, group, now_s});
    assert_int_equal(session.count, SESSION_ENTRIES_MAX);
    assert_null(session_find(&session, 0));
    session_set(&session, &(struct session_entry){5, 77, now_s});
    assert_int_equal(session.count, SESSION_ENTRIES_MAX);
    assert_int_equal(session.entries[0].group, 5);
    assert_int_equal(session_find(&session, 5)->target, 77);
    session_remove(&session, 5);
    assert_null(session_find(&session, 5));
    assert_int_equal(session.count, SESSION_ENTRIES_MAX - 1);
}

static int finish(void **state)
{
    (void)state;
    cookie_sealer_finish(&sealer);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_sealed_is_read_again),
        cmocka_unit_test(the_same_session_never_looks_the_same),
        cmocka_unit_test(each_changed_character_makes_it_a_forgery),
        cmocka_unit_test(no_part_of_it_is_one),
        cmocka_unit_test(it_says_nothing_to_others),
        cmocka_unit_test(entries_expire_one_by_one),
        cmocka_unit_test(keys_change_daily_and_old_ones_are_forgotten),
        cmocka_unit_test(more_owners_than_ciphers_are_kept_take_turns),
        cmocka_unit_test(a_session_keeps_the_groups_that_were_set_last),
    };
    return cmocka_run_group_tests(tests, NULL, finish);
}

/* Ticket keys: the same for all threads, new every period, forgotten after two. */
#include "http/tls_tickets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const unsigned char seed[TLS_SEED_SIZE] = "seed";
enum { START_MS = 1000 };

static void threads_have_the_same_keys_whenever_they_look(void **state)
{
    (void)state;
    struct tls_tickets a, b;
    tls_tickets_init(&a, seed, START_MS);
    tls_tickets_init(&b, seed, START_MS);
    int64_t later_ms = START_MS + 3 * (int64_t)TLS_TICKETS_PERIOD_MS;
    tls_tickets_current(&a, START_MS + TLS_TICKETS_PERIOD_MS); /* a looked in between, b did not */
    const struct tls_ticket_key *key = tls_tickets_current(&a, later_ms);
    assert_memory_equal(key, tls_tickets_current(&b, later_ms), sizeof *key);
    assert_non_null(tls_tickets_find(&b, key->name, later_ms));
}

static void a_key_is_good_for_its_period_and_the_next(void **state)
{
    (void)state;
    struct tls_tickets tickets;
    tls_tickets_init(&tickets, seed, START_MS);
    struct tls_ticket_key key = *tls_tickets_current(&tickets, START_MS);
    int64_t now_ms = START_MS + TLS_TICKETS_PERIOD_MS;
    assert_memory_not_equal(tls_tickets_current(&tickets, now_ms), &key, sizeof key);
    assert_memory_equal(tls_tickets_find(&tickets, key.name, now_ms), &key, sizeof key);
    assert_null(tls_tickets_find(&tickets, key.name, now_ms + TLS_TICKETS_PERIOD_MS));
}

static void what_is_forgotten_cannot_be_derived_again(void **state)
{
    (void)state;
    struct tls_tickets tickets;
    tls_tickets_init(&tickets, seed, START_MS);
    tls_tickets_current(&tickets, START_MS + TLS_TICKETS_PERIOD_MS);
    assert_memory_not_equal(tickets.seed, seed, sizeof seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_have_the_same_keys_whenever_they_look),
        cmocka_unit_test(a_key_is_good_for_its_period_and_the_next),
        cmocka_unit_test(what_is_forgotten_cannot_be_derived_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

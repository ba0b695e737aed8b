#include "wire/cron.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* "2026-01-02 03:04" as a minute since 1970, and back. */
static int64_t minute_of(const char *text)
{
    struct tm date = {0};
    assert_non_null(strptime(text, "%Y-%m-%d %H:%M", &date));
    return (int64_t)timegm(&date) / 60;
}

static void expect_next(const char *schedule, const char *from, const char *expected)
{
    struct cron cron;
    char found[32];
    struct tm date;
    assert_int_equal(cron_parse(schedule, &cron), 0);
    time_t next_s = (time_t)cron_next(&cron, minute_of(from)) * 60;
    strftime(found, sizeof found, "%Y-%m-%d %H:%M", gmtime_r(&next_s, &date));
    if (strcmp(found, expected))
        fail_msg("'%s' after %s: %s instead of %s", schedule, from, found, expected);
}

/* 2 January 2026 is a Friday. */
static void fields_say_when(void **state)
{
    static const struct {
        const char *schedule, *from, *expected;
    } rows[] = {
        {"* * * * *", "2026-01-02 03:04", "2026-01-02 03:04"},
        {"0 9 * * *", "2026-01-02 09:00", "2026-01-02 09:00"},
        {"0 9 * * *", "2026-01-02 09:01", "2026-01-03 09:00"},
        {"30 0 1 1,6,12 *", "2026-01-02 03:04", "2026-06-01 00:30"},
        {"*/15 * * * *", "2026-01-02 03:46", "2026-01-02 04:00"},
        {"10-20/5 8-10 * * *", "2026-01-02 09:16", "2026-01-02 09:20"},
        {"10-20/5 8-10 * * *", "2026-01-02 10:21", "2026-01-03 08:10"},
        {"59 23 31 12 *", "2026-01-02 03:04", "2026-12-31 23:59"},
        {"0 0 29 2 *", "2026-01-02 03:04", "2028-02-29 00:00"},
        {"0 0 29 2 *", "2096-03-01 00:00", "2104-02-29 00:00"},
        {"0 0 29 2 */7", "2088-03-01 00:00", "2128-02-29 00:00"},
        {"0 18 * * 1-5", "2026-01-02 18:01", "2026-01-05 18:00"},
        {"0 18 * * MON-fri", "2026-01-02 18:01", "2026-01-05 18:00"},
        {"0 0 * * 0", "2026-01-02 03:04", "2026-01-04 00:00"},
        {"0 0 * * 7", "2026-01-02 03:04", "2026-01-04 00:00"},
        {"0 0 * * sat-sun", "2026-01-04 00:01", "2026-01-10 00:00"},
        {"0 0 1 FEB,aug *", "2026-01-02 03:04", "2026-02-01 00:00"},
        {"  5\t4  *   * *  ", "2026-01-02 03:04", "2026-01-02 04:05"},
        {"0 0 1-31/10 * *", "2026-01-02 03:04", "2026-01-11 00:00"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_next(rows[i].schedule, rows[i].from, rows[i].expected);
}

static void either_day_is_enough_unless_one_begins_with_a_star(void **state)
{
    (void)state;
    expect_next("0 0 13 * 5", "2026-01-03 00:00", "2026-01-09 00:00"); /* a Friday */
    expect_next("0 0 13 * 5", "2026-01-10 00:00", "2026-01-13 00:00"); /* the 13th */
    expect_next("0 0 13 * *", "2026-01-03 00:00", "2026-01-13 00:00");
    expect_next("0 0 * * 5", "2026-01-10 00:00", "2026-01-16 00:00");
    expect_next("0 0 */2 * 5", "2026-01-03 00:00", "2026-01-09 00:00"); /* odd, and a Friday */
    expect_next("0 0 */2 * 5", "2026-01-10 00:00", "2026-01-23 00:00");
    expect_next("0 0 30 2 1", "2026-02-03 00:00", "2026-02-09 00:00"); /* there is no 30th */
}

static void what_is_no_schedule_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * * 0 *",
        "* * * 13 *",
        "* * * * 8",
        "-1 * * * *",
        "? * * * *",
        "0 0 ? * *",
        "5/15 * * * *",
        "*/0 * * * *",
        "*/ * * * *",
        "1- * * * *",
        "-2 * * * *",
        "5-2 * * * *",
        "1,,2 * * * *",
        "1, * * * *",
        "L * * * *",
        "0 0 L * *",
        "0 0 1W * *",
        "0 0 * * 5#2",
        "@daily",
        "cron(0 9 * * *)",
        "0 0 30 2 *",
        "0 0 31 4,6 *",
        "0x1 * * * *",
        "* * * monday *",
        "* * * * monday",
        "0 0 * jan-13 *",
        "99999999999999999999 * * * *",
        "0 0 * * 1-",
        "0\n9 * * *",
        "*5 * * * *",
        "** * * * *",
    };
    struct cron cron;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (cron_parse(texts[i], &cron) == 0)
            fail_msg("'%s' was taken", texts[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_say_when),
        cmocka_unit_test(either_day_is_enough_unless_one_begins_with_a_star),
        cmocka_unit_test(what_is_no_schedule_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Schedules in zones whose clocks are moved. All times in the tables are UTC. */
#include "wire/recurrence.h"
#include "zone_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static int64_t second_of(const char *text)
{
    struct tm date = {0};
    assert_non_null(strptime(text, "%Y-%m-%d %H:%M", &date));
    return (int64_t)timegm(&date);
}

static void expect_time(int64_t found_s, const char *expected, const char *schedule)
{
    char found[32] = "never";
    struct tm date;
    time_t time = (time_t)found_s;
    if (found_s != INT64_MAX)
        strftime(found, sizeof found, "%Y-%m-%d %H:%M", gmtime_r(&time, &date));
    if (strcmp(found, expected))
        fail_msg("'%s': %s instead of %s", schedule, found, expected);
}

/* The times that follow one another after `after`. */
static void expect(const char *zone_name, const char *schedule, const char *after,
                   const char *const *times)
{
    struct time_zone zone;
    struct cron cron;
    zone_of(zone_name, &zone);
    assert_int_equal(cron_parse(schedule, &cron), 0);
    int64_t time_s = second_of(after);
    for (; *times; times++) {
        time_s = recurrence_next(&cron, &zone, time_s);
        expect_time(time_s, *times, schedule);
    }
}

#define TIMES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void the_time_on_the_wall_stays(void **state)
{
    (void)state;
    expect("Europe/Berlin", "0 9 * * *", "2026-03-28 00:00",
           TIMES("2026-03-28 08:00", "2026-03-29 07:00", "2026-03-30 07:00"));
    expect("Europe/Berlin", "0 9 * * *", "2026-10-24 00:00",
           TIMES("2026-10-24 07:00", "2026-10-25 08:00", "2026-10-26 08:00"));
    expect("Asia/Kolkata", "0 9 * * *", "2026-01-01 03:30", TIMES("2026-01-02 03:30"));
    expect("Etc/UTC", "0 9 * * *", "2026-01-01 09:00", TIMES("2026-01-02 09:00"));
}

/* On 29 March 2026 there is no 2:00 to 3:00 in Berlin; on 8 March none in New York. */
static void what_is_left_out_comes_when_clocks_are_moved(void **state)
{
    (void)state;
    expect("Europe/Berlin", "30 2 * * *", "2026-03-28 00:00",
           TIMES("2026-03-28 01:30", "2026-03-29 01:00", "2026-03-30 00:30"));
    expect("Europe/Berlin", "0,30 2,3 29 3 *", "2026-03-28 00:00",
           TIMES("2026-03-29 01:00", "2026-03-29 01:30", "2027-03-29 00:00"));
    expect("America/New_York", "15 2 8 3 *", "2026-01-01 00:00",
           TIMES("2026-03-08 07:00", "2027-03-08 07:15"));
    expect("Australia/Lord_Howe", "10 2 * * *", "2026-10-03 00:00", /* half an hour */
           TIMES("2026-10-03 15:30", "2026-10-04 15:10"));
}

/* On 25 October 2026 Berlin has 2:00 to 3:00 twice; New York 1:00 to 2:00 on 1 November. */
static void what_there_is_twice_comes_once(void **state)
{
    (void)state;
    expect("Europe/Berlin", "30 2 * * *", "2026-10-24 00:00",
           TIMES("2026-10-24 00:30", "2026-10-25 00:30", "2026-10-26 01:30"));
    expect("America/New_York", "0 1,2 1 11 *", "2026-10-31 00:00",
           TIMES("2026-11-01 05:00", "2026-11-01 07:00"));
    expect("Europe/Berlin", "30 2 * * *", "2026-10-25 01:15", TIMES("2026-10-26 01:30"));
}

static void a_schedule_of_every_hour_follows_real_time(void **state)
{
    (void)state;
    expect("Europe/Berlin", "30 * * * *", "2026-03-29 00:00",
           TIMES("2026-03-29 00:30", "2026-03-29 01:30"));
    expect("Europe/Berlin", "30 * * * *", "2026-10-25 00:00",
           TIMES("2026-10-25 00:30", "2026-10-25 01:30", "2026-10-25 02:30"));
    expect("Europe/Berlin", "*/20 */2 * * *", "2026-10-25 00:00", /* 2:20 and 2:40 twice */
           TIMES("2026-10-25 00:20", "2026-10-25 00:40", "2026-10-25 01:00", "2026-10-25 01:20",
                 "2026-10-25 01:40", "2026-10-25 03:00"));
}

static void the_latest_of_those_that_were_missed_is_found(void **state)
{
    static const struct {
        const char *schedule, *after, *until, *expected;
    } rows[] = {
        {"0 9 * * *", "2026-03-20 00:00", "2026-03-30 06:59", "2026-03-29 07:00"},
        {"0 9 * * *", "2026-03-20 00:00", "2026-03-30 07:00", "2026-03-30 07:00"},
        {"0 9 * * *", "2026-03-30 07:00", "2026-03-31 06:59", "never"},
        {"* * * * *", "2020-01-01 00:00", "2026-01-02 03:04", "2026-01-02 03:04"},
        {"30 2 * * *", "2026-03-01 00:00", "2026-03-29 23:00", "2026-03-29 01:00"},
        {"0 0 29 2 *", "2020-01-01 00:00", "2026-01-01 00:00", "2024-02-28 23:00"},
    };
    struct time_zone zone;
    (void)state;
    zone_of("Europe/Berlin", &zone);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cron cron;
        assert_int_equal(cron_parse(rows[i].schedule, &cron), 0);
        expect_time(
            recurrence_latest(&cron, &zone, second_of(rows[i].after), second_of(rows[i].until)),
            rows[i].expected, rows[i].schedule);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_time_on_the_wall_stays),
        cmocka_unit_test(what_is_left_out_comes_when_clocks_are_moved),
        cmocka_unit_test(what_there_is_twice_comes_once),
        cmocka_unit_test(a_schedule_of_every_hour_follows_real_time),
        cmocka_unit_test(the_latest_of_those_that_were_missed_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "wire/time_zone.h"
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

/* The offset in minutes at a time (UTC), and when the stretch begins and ends; "": it does not. */
static void expect(const struct time_zone *zone, const char *time, int offset, const char *begin,
                   const char *end)
{
    struct zone_span span = time_zone_span(zone, second_of(time));
    if (span.offset_s != offset * 60)
        fail_msg("%s: offset %d", time, span.offset_s);
    if (span.begin_s != (*begin ? second_of(begin) : INT64_MIN) ||
        span.end_s != (*end ? second_of(end) : INT64_MAX))
        fail_msg("%s: from %lld to %lld", time, (long long)span.begin_s, (long long)span.end_s);
}

static void the_table_and_the_rule_behind_it_agree(void **state)
{
    struct time_zone zone;
    (void)state;
    zone_of("Europe/Berlin", &zone);
    expect(&zone, "2026-01-02 03:04", 60, "2025-10-26 01:00", "2026-03-29 01:00");
    expect(&zone, "2026-03-29 00:59", 60, "2025-10-26 01:00", "2026-03-29 01:00");
    expect(&zone, "2026-03-29 01:00", 120, "2026-03-29 01:00", "2026-10-25 01:00");
    expect(&zone, "2037-12-31 00:00", 60, "2037-10-25 01:00", "2038-03-28 01:00");
    expect(&zone, "2050-07-01 00:00", 120, "2050-03-27 01:00", "2050-10-30 01:00");
    expect(&zone, "2400-02-29 00:00", 60, "2399-10-31 01:00", "2400-03-26 01:00");
    struct zone_span span = time_zone_span(&zone, second_of("2026-06-01 00:00"));
    assert_int_equal(span.before_s, 3600);
    expect(&zone, "1945-06-01 00:00", 180, "1945-05-24 00:00", "1945-09-24 00:00");
}

static void zones_of_all_kinds_are_read(void **state)
{
    struct time_zone zone = {0};
    (void)state;
    expect(&zone, "2026-01-02 03:04", 0, "", "");
    zone_of("America/New_York", &zone);
    expect(&zone, "2026-03-08 07:00", -240, "2026-03-08 07:00", "2026-11-01 06:00");
    expect(&zone, "2045-01-01 00:00", -300, "2044-11-06 06:00", "2045-03-12 07:00");
    zone_of("Australia/Lord_Howe", &zone); /* half an hour, and summer in January */
    expect(&zone, "2026-01-02 00:00", 660, "2025-10-04 15:30", "2026-04-04 15:00");
    expect(&zone, "2060-07-01 00:00", 630, "2060-04-03 15:00", "2060-10-02 15:30");
    zone_of("Asia/Kolkata", &zone);
    expect(&zone, "2026-07-01 00:00", 330, "1945-10-14 17:30", "");
    zone_of("Etc/UTC", &zone);
    expect(&zone, "2026-07-01 00:00", 0, "", "");
    zone_of("Europe/Dublin", &zone); /* winter time is its daylight saving time, an hour back */
    expect(&zone, "2050-01-01 00:00", 0, "2049-10-31 01:00", "2050-03-27 01:00");
}

static void rules_are_followed(void **state)
{
    static const struct {
        const char *rule, *time;
        int offset;
        const char *begin, *end;
    } rows[] = {
        {"UTC0", "2026-01-02 03:04", 0, "", ""},
        {"<+0530>-5:30", "2026-01-02 03:04", 330, "", ""},
        {"ABC3DEF,J60/0,J300/0", "2028-04-01 00:00", -120, "2028-03-01 03:00", "2028-10-27 02:00"},
        {"ABC3DEF,59/0,299/0", "2028-04-01 00:00", -120, "2028-02-29 03:00", "2028-10-26 02:00"},
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-07-01 00:00", -60, "2026-03-29 01:00",
         "2026-10-25 01:00"},
        {"IST-2IDT,M3.4.4/26,M10.5.0", "2026-07-01 00:00", 180, "2026-03-27 00:00",
         "2026-10-24 23:00"},
        {"EST5EDT4,0/0,J365/25", "2026-07-01 00:00", -240, "2026-01-01 05:00", "2027-01-01 05:00"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned char bytes[256];
        struct time_zone zone;
        size_t size = zone_write(bytes, 0, rows[i].rule);
        if (time_zone_read(&zone, bytes, size) < 0)
            fail_msg("'%s' was refused", rows[i].rule);
        if (zone.rule.has_daylight)
            expect(&zone, rows[i].time, rows[i].offset, rows[i].begin, rows[i].end);
        else
            assert_int_equal(zone.rule.standard_s, rows[i].offset * 60);
    }
}

static void what_is_no_zone_is_refused(void **state)
{
    static const char *const rules[] = {
        "A0",
        "UTC",
        "UTC25",
        "UTC0XYZ",
        "UTC0XYZ,M3.5.0",
        "UTC0XYZ,M13.5.0,M10.5.0",
        "UTC0XYZ,M3.6.0,M10.5.0",
        "UTC0XYZ,M3.5.7,M10.5.0",
        "UTC0XYZ,J0,J365",
        "UTC0XYZ,M3.5.0/168,M10.5.0",
        "UTC0XYZ,M3.5.0,M10.5.0 ",
        "<UTC0",
        "<+1>-1:60",
    };
    unsigned char bytes[256];
    struct time_zone zone;
    (void)state;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        size_t size = zone_write(bytes, 0, rules[i]);
        if (time_zone_read(&zone, bytes, size) == 0)
            fail_msg("'%s' was taken", rules[i]);
    }
    size_t size = zone_write(bytes, 0, "UTC0");
    for (size_t i = 0; i < size; i++)
        assert_int_equal(time_zone_read(&zone, bytes, i), -1);
    bytes[4] = 0; /* version 1 */
    assert_int_equal(time_zone_read(&zone, bytes, size), -1);
    size = zone_write(bytes, 100 * 3600, "UTC0");
    assert_int_equal(time_zone_read(&zone, bytes, size), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_and_the_rule_behind_it_agree),
        cmocka_unit_test(zones_of_all_kinds_are_read),
        cmocka_unit_test(rules_are_followed),
        cmocka_unit_test(what_is_no_zone_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

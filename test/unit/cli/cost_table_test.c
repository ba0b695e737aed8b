/* What `pileus cost` prints of a report. */
#include "cli/cost_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *print(const char *regions)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    json_auto_t *report =
        json_pack("{s:I, s:f, s:s, s:f, s:f, s:o}", "From", (json_int_t)1767323045000, "Hours", 2.0,
                  "PricesOf", "2025-12-01", "Cost", 0.0312, "MonthlyCost", 11.388, "Regions",
                  json_loads(regions, 0, NULL));
    cost_print(report, out);
    fclose(out);
    return text;
}

static void rows_say_resource_item_use_and_cost(void **state)
{
    (void)state;
    char *text = print(
        "[{\"Region\": \"us-east-1\", \"HasPrices\": true, \"Cost\": 0.0312, \"MonthlyCost\": "
        "11.388,"
        " \"Resources\": [{\"ResourceId\": \"i-1\", \"Item\": \"instance:t3.micro\", \"Unit\": "
        "\"hour\", \"Used\": 3.0, \"Price\": 0.0104, \"Cost\": 0.0312, \"MonthlyCost\": 11.388, "
        "\"Running\": false}], \"Groups\": [{\"AutoScalingGroupName\": \"g\", \"InstanceHours\": "
        "3.0,"
        " \"FixedInstanceHours\": 8.0, \"Cost\": 0.0312, \"FixedCost\": 0.0832}]}]");
    assert_string_equal(
        text,
        "2.00 hours of cloud time, since 2026-01-02T03:04:05Z. Dollars, by prices of 2025-12-01 "
        "without taxes.\n\nus-east-1\n"
        "  RESOURCE  ITEM                                  USED       PRICE      SO FAR     A "
        "MONTH\n"
        "  i-1       instance:t3.micro       3.0000 hour             0.0104      0.0312     11.3880"
        "  ended\n"
        "  group g: 3.0000 instance-hours; its maximum all the time: 8.0000. $0.0312 instead of "
        "$0.0832, 62 % less\n"
        "  in all $0.0312 so far, $11.39 a month\n\n"
        "In all $0.0312 so far, $11.39 a month.\n");
    free(text);
}

static void a_region_without_prices_shows_use_alone(void **state)
{
    (void)state;
    char *text =
        print("[{\"Region\": \"eu-west-3\", \"HasPrices\": false, \"Groups\": [], \"Resources\": "
              "[{\"ResourceId\": \"\", \"Item\": \"lcu\", \"Unit\": \"LCU-hour\", \"Used\": 1.5, "
              "\"Running\": true}]}]");
    assert_non_null(strstr(
        text, "(others)  lcu        1.5000 LCU-hour              -           -           -\n"));
    assert_non_null(strstr(text, "Pileus has no prices of this region\n"));
    free(text);
}

static void nothing_used_is_said(void **state)
{
    (void)state;
    char *text = print("[]");
    assert_string_equal(text, "Nothing has been used.\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_say_resource_item_use_and_cost),
        cmocka_unit_test(a_region_without_prices_shows_use_alone),
        cmocka_unit_test(nothing_used_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The report of `pileus cost`. */
#pragma once

#include "service/call.h"

/*
 * What usage would have cost on AWS, in every region, or the one of `only` unless it is "":
 *
 *   {"From", "To": ms of cloud time, "Hours": those in which usage was recorded,
 *    "Currency": "USD", "PricesOf": date, "PriceSource", "Cost", "MonthlyCost",
 *    "Regions": [{"Region", "HasPrices", "Cost", "MonthlyCost",
 *      "Resources": [{"ResourceId", "Item", "AutoScalingGroupName"?, "Unit", "Used",
 *                     "Running": bool, "Price", "Cost", "MonthlyCost"}],
 *      "Groups": [{"AutoScalingGroupName", "InstanceHours", "FixedInstanceHours", "Cost",
 *                  "FixedCost"}]}]}
 *
 * A month is 730 hours that go on like those recorded. "Used" and "Cost" are as AWS rounds; the
 * month is of exact usage. What has no price has no "Price", "Cost" and "MonthlyCost", and sums do
 * not contain it. A fixed fleet has the group's maximum of instances all the time, each at what an
 * hour of the group's instances cost. Uses `store`, `series` and `now_ms` of the call. A new
 * reference.
 */
json_t *billing_report(const struct call *call, const char *only);

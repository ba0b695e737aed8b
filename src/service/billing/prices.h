/* What AWS charges for a unit of an item on demand, without taxes, free tiers and discounts. */
#pragma once

/* When the prices were those of AWS's public price list ("2025-12-01"), and what that list is. */
extern const char prices_date[], prices_source[];

/* US dollars for one unit (see usage.h) of an item in a region; NAN if the table has none. */
double price_find(const char *region, const char *item);

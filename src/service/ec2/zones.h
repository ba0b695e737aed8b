/* Regions and their Availability Zones: every region has zones a, b and c. */
#pragma once

#include <stdbool.h>

enum { EC2_ZONES = 3 };

/* "us-east-1b" for index 1. */
void ec2_zone_name(const char *region, int index, char out[32]);
/* The zone id of a zone name of the region ("use1-az2"); false if there is no such zone. */
bool ec2_zone_id(const char *region, const char *zone, char out[32]);
/* The other way round: the name of the zone with this id. */
bool ec2_zone_of_id(const char *region, const char *zone_id, char out[32]);
/* Whether AWS has a region of this name. */
bool ec2_region_exists(const char *region);

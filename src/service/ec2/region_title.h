/* What people call AWS's regions: "Asia Pacific (Mumbai)". */
#pragma once

/* The name of a region; the region itself if it has none. */
const char *ec2_region_title(const char *region);

/*
 * The buckets of struct traffic's response times: microseconds up to 31 one by one, then 16 for
 * each doubling, so that no value is farther than a 32nd from the middle of its bucket. The last
 * bucket takes all that is longer than an hour.
 */
#pragma once

#include <stdint.h>

/* The bucket of a time. */
int response_time_bucket(uint64_t us);
/* The middle of a bucket, in microseconds. */
double response_time_middle_us(int bucket);

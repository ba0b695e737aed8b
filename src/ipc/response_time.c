#include "ipc/response_time.h"

#include "ipc/message.h"

/* The octave that begins at 2^5 is the first that is divided, into 2^4 buckets. */
enum { EXACT = 32, FIRST_EXPONENT = 5, SHARE_BITS = 4, SHARES = 1 << SHARE_BITS };

int response_time_bucket(uint64_t us)
{
    if (us < EXACT)
        return (int)us;
    int exponent = 63 - __builtin_clzll(us);
    int share = (int)(us >> (exponent - SHARE_BITS)) - SHARES;
    int bucket = EXACT + (exponent - FIRST_EXPONENT) * SHARES + share;
    return bucket < RESPONSE_TIME_BUCKETS ? bucket : RESPONSE_TIME_BUCKETS - 1;
}

double response_time_middle_us(int bucket)
{
    if (bucket < EXACT)
        return bucket;
    int exponent = (bucket - EXACT) / SHARES + FIRST_EXPONENT;
    int share = (bucket - EXACT) % SHARES;
    double width = (double)(UINT64_C(1) << (exponent - SHARE_BITS));
    return (SHARES + share + 0.5) * width;
}

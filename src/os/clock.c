#include "os/clock.h"

#include <math.h>
#include <time.h>

static int64_t read_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_mono_ms(void)
{
    return read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_mono_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

int64_t clock_wall_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000;
}

struct cloud_clock cloud_clock_start(double speed)
{
    return (struct cloud_clock){
        .base_cloud_ms = clock_wall_ms(), .base_mono_ms = clock_mono_ms(), .speed = speed};
}

int64_t cloud_clock_at(const struct cloud_clock *clock, int64_t mono_ms)
{
    return clock->base_cloud_ms + (int64_t)((double)(mono_ms - clock->base_mono_ms) * clock->speed);
}

int64_t cloud_clock_now(const struct cloud_clock *clock)
{
    return cloud_clock_at(clock, clock_mono_ms());
}

void cloud_clock_advance(struct cloud_clock *clock, int64_t delta_ms)
{
    clock->base_cloud_ms += delta_ms;
}

int64_t cloud_clock_until(const struct cloud_clock *clock, int64_t cloud_ms)
{
    int64_t left = cloud_ms - cloud_clock_now(clock);
    return left <= 0 ? 0 : (int64_t)ceil((double)left / clock->speed);
}

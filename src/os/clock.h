/*
 * Two times. Real time drives sockets, data-plane timeouts and signatures. Cloud time drives every
 * control-plane duration; it runs `speed` times faster than real time and can be advanced.
 * A cloud clock is a value: other processes get a copy of it whenever it changes (all processes of
 * one machine share CLOCK_MONOTONIC, so a copy is exact).
 */
#pragma once

#include <stdint.h>

struct cloud_clock {
    int64_t base_cloud_ms; /* cloud time, ms since the Unix epoch, at base_mono_ms */
    int64_t base_mono_ms;  /* CLOCK_MONOTONIC when base_cloud_ms was true */
    double speed;          /* cloud ms for each real ms; > 0 */
};

/* CLOCK_MONOTONIC in milliseconds / microseconds. */
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
/* Real wall-clock time, milliseconds since the Unix epoch. */
int64_t clock_wall_ms(void);

/* A cloud clock that starts now at wall-clock time and runs at `speed`. */
struct cloud_clock cloud_clock_start(double speed);
/* Cloud time in ms since the Unix epoch at CLOCK_MONOTONIC time `mono_ms`. */
int64_t cloud_clock_at(const struct cloud_clock *clock, int64_t mono_ms);
/* Cloud time now. */
int64_t cloud_clock_now(const struct cloud_clock *clock);
/* Jumps `delta_ms` (>= 0) ahead. */
void cloud_clock_advance(struct cloud_clock *clock, int64_t delta_ms);
/* Real milliseconds from now until cloud time `cloud_ms`; 0 if it has passed. */
int64_t cloud_clock_until(const struct cloud_clock *clock, int64_t cloud_ms);

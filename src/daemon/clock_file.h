/* `<data>/clock`: cloud time never runs backwards, also when the daemon is killed or the machine
 * stops. */
#pragma once

#include "os/clock.h"

/* Best effort: a clock that could not be saved is logged. */
void clock_file_save(const char *data_dir, const struct cloud_clock *clock);
/* Goes on from the saved cloud time plus the real time since then; from wall time if none is saved.
 */
struct cloud_clock clock_file_load(const char *data_dir, double speed);

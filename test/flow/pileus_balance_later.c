/*
 * `pileus balance` whose time a test can move: each SIGUSR1 sets CLOCK_MONOTONIC, as the program
 * sees it, an hour ahead, and says so. The linker puts these two in the place of those of
 * os/clock.h.
 */
#include "balancer/balancer.h"
#include "os/clock.h"

#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

int64_t __real_clock_mono_us(void);
int64_t __wrap_clock_mono_us(void);
int64_t __wrap_clock_mono_ms(void);

static atomic_llong ahead_us;

int64_t __wrap_clock_mono_us(void)
{
    return __real_clock_mono_us() + atomic_load(&ahead_us);
}

int64_t __wrap_clock_mono_ms(void)
{
    return __wrap_clock_mono_us() / 1000;
}

static void on_signal(int number)
{
    static const char said[] = "An hour later.\n";
    (void)number;
    atomic_fetch_add(&ahead_us, INT64_C(3600) * 1000 * 1000);
    if (write(STDOUT_FILENO, said, sizeof said - 1) < 0)
        _exit(1);
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
    return balance_main(argc - 1, argv + 1);
}

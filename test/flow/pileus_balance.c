/* `pileus balance` without the rest of pileus: what the flow tests and the benchmark run. */
#include "balancer/balancer.h"

int main(int argc, char **argv)
{
    return balance_main(argc - 1, argv + 1);
}

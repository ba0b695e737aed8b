/* `pileus why`: what lets packets through the network, or stops them. */
#pragma once

/* As struct command's. The exit status is 0 if the destination is reachable, 1 if not, else 2. */
int why_main(int argc, char **argv);

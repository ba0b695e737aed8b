/* Which operations work: told from the tables alone. */
#pragma once

#include <stdio.h>

/*
 * Writes "ec2: 71 of 191 operations" and the list, a mark before those that work, for each service
 * of the models; one service if `only` is not NULL. Returns how many services were written.
 */
int coverage_print(FILE *out, const char *only);

/* The report of `pileus cost` as a table. */
#pragma once

#include <jansson.h>
#include <stdio.h>

/* Writes what "/_pileus/cost/" answers (service/billing/cost.h) for people. */
void cost_print(const json_t *report, FILE *out);

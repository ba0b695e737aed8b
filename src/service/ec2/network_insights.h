/* Paths of the Reachability Analyzer, as its analyses need them. */
#pragma once

#include <jansson.h>

/* The question (reach.h) that a path's document asks. New reference. */
json_t *ec2_network_insights_question(const json_t *path);

/*
 * The states of an instance: the moves that are allowed, and what a document shows of a move.
 * Handlers move instances to the states that pass by (pending, stopping, shutting-down), the
 * instances controller to those that last.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* "pending", "running" ... of an Instance. */
const char *instance_state(const json_t *instance);
/* True if the instance is in `state`. */
bool instance_is(const json_t *instance, const char *state);
/* Moves to `state`; aborts if the table does not allow it. */
void instance_move(json_t *instance, const char *state);
/* An InstanceState {Code, Name}, a new reference. */
json_t *instance_state_shape(const char *state);

/* Sets StateReason to `code` and "code: text". */
void instance_set_reason(json_t *instance, const char *code, const char *text);
/* What a user asked for: StateReason `code`, and "User initiated (2026-01-02 03:04:05 GMT)". */
void instance_set_user_reason(json_t *instance, const char *code, const char *text, int64_t now_ms);
/* Forgets why it is in its state. */
void instance_clear_reason(json_t *instance);

/* An integer member, 0 if absent. */
int64_t instance_number(const json_t *instance, const char *member);

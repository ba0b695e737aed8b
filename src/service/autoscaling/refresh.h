/*
 * Instance refreshes: what handlers and the groups controller share. Kind `instance-refresh`, its
 * id, shape InstanceRefresh.
 *
 * Members that are still to be replaced have the refresh's id in `_refresh`. While a refresh goes
 * on, its group has `_refreshing` (true), perhaps `_surplus` (instances above the desired capacity,
 * which come before others go) and `_refresh_template` (what is launched in place of
 * LaunchTemplate). Private members of the refresh: `_total` (instances to replace when it, or the
 * rollback, began), `_seen` and
 * `_progress_ms` (the last state of things, and since when), `_checkpoint`, `_checkpoint_ms`,
 * `_baked_ms`.
 */
#pragma once

#include "service/call.h"

#include <stdbool.h>
#include <stdint.h>

extern const char refresh_kind[];

/* The refresh of the group that goes on, borrowed; NULL if there is none. */
const json_t *refresh_active(const struct call *call, const char *group);
/* Whether its Status is `status`. */
bool refresh_is(const json_t *refresh, const char *status);
/* Moves it on; asserts that the move is legal. The end gets its time. */
void refresh_move(const struct call *call, json_t *refresh, const char *status, const char *reason);
/* A preference, or what AWS takes when it is not named. */
int64_t refresh_preference(const json_t *refresh, const char *name, int64_t otherwise);
/* Why the refresh cannot be rolled back; NULL if it can. */
const char *refresh_irreversible(const json_t *group, const json_t *refresh);
/*
 * Marks the members to replace: all that do not match what is to be launched, or with
 * `even_matching` all. `refresh` and `group` are being edited. Sets what is told of the progress to
 * its beginning.
 */
void refresh_mark(struct call *call, json_t *group, json_t *refresh, bool even_matching);
/* The group goes back to what was before; why. */
void refresh_roll_back(struct call *call, json_t *group, json_t *refresh, const char *reason);
/* Takes away all that the group and its members have of a refresh. */
void refresh_forget(json_t *group);
/* Deletes the refreshes of a group. */
void refreshes_delete_of_group(struct call *call, const char *group);

/* Reading members of JSON documents and requests. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Reads a member: "" / 0 / false when it is absent or of another type. */
const char *doc_text(const json_t *doc, const char *key);
int64_t doc_number(const json_t *doc, const char *key);
bool doc_flag(const json_t *doc, const char *key);
/* Whether a member is this text. */
bool doc_is(const json_t *doc, const char *key, const char *text);
/* Whether an array of strings holds `text`. */
bool doc_list_has(const json_t *list, const char *text);
/* Takes `text` out of an array of strings; harmless if it is not there. */
void doc_list_remove(json_t *list, const char *text);

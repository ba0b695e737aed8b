/*
 * Searching metrics by words: the text of SEARCH() in metric math. Pure.
 *
 *     search := ["{" Namespace ("," Dimension)* "}"] or
 *     or     := and ("OR" and)*
 *     and    := not (["AND"] not)*
 *     not    := ["NOT"] (term | "(" or ")")
 *     term   := word | Name=word | "exactly this"
 *
 * With a schema only metrics of that namespace with exactly these dimensions are found. A word is
 * found in a metric's namespace, name, and the names and values of its dimensions, in any case; a
 * word in quotes is the whole of one of these. Amazon CloudWatch User Guide, "CloudWatch search
 * expression syntax".
 */
#pragma once

#include "base/err.h"
#include "store/series.h"

#include <stdbool.h>

struct search;

/* Parses `text`. NULL and err if it is not a search; freed with search_free(). */
struct search *search_parse(const char *text, struct err *err);
/* Harmless with NULL. */
void search_free(struct search *search);
bool search_finds(const struct search *search, const struct series_key *key);

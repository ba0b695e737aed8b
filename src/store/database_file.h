/* How a SQLite file of ours comes to be, and how it is opened. */
#pragma once

#include "base/err.h"

#include <sqlite3.h>

/*
 * Opens the database; `tables` (CREATE TABLE statements) are for a file that does not exist yet
 * (or is empty), which is there whole or not at all, whenever the machine stops. NULL path: in
 * memory. What was written is on the disk when a commit returns. Returns 0, or -1 and err.
 */
int database_file_open(const char *path, const char *tables, sqlite3 **ret_handle, struct err *err);

/*
 * The part of #cloud-config that needs no package manager: runcmd and write_files, in the plain
 * YAML that people write them in. Whatever else it holds is named on standard output as not done.
 */
#pragma once

/* `text` is NUL-terminated. */
void cloud_config_run(const char *text);

/* The name of a process as `ps` shows it. */
#pragma once

/* Remembers where argv lies; call first thing in main(), before anything keeps pointers into it. */
void title_start(int argc, char **argv);
/* Shows `title` ("pileus: api") in ps and as the thread's name. */
void title_set(const char *title);

#include "os/title.h"

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

static char *area; /* argv and environment, which the kernel laid out in one piece */
static size_t area_size;

/* Moves the environment elsewhere, so that a title longer than argv harms nothing. */
static void copy_environment(char **environment, char **ret_end)
{
    extern char **environ;
    int count = 0;
    while (environment[count])
        count++;
    char **copy = calloc((size_t)count + 1, sizeof *copy);
    if (!copy)
        return;
    for (int i = 0; i < count; i++) {
        if (environment[i] == *ret_end)
            *ret_end += strlen(environment[i]) + 1;
        copy[i] = strdup(environment[i]);
    }
    environ = copy;
}

void title_start(int argc, char **argv)
{
    extern char **environ;
    char *end = argv[0];
    for (int i = 0; i < argc && argv[i] == end; i++)
        end += strlen(argv[i]) + 1;
    copy_environment(environ, &end);
    area = argv[0];
    area_size = (size_t)(end - area);
}

void title_set(const char *title)
{
    prctl(PR_SET_NAME, title);
    if (!area)
        return;
    memset(area, 0, area_size);
    strncpy(area, title, area_size - 1);
}

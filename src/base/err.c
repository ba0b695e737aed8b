#include "base/err.h"

#include <stdio.h>
#include <string.h>

#ifdef __clang_analyzer__ /* elsewhere these are macros, see err.h */
#undef err_set
#undef err_sys
#undef err_aws
#undef err_again
#undef err_wrap
#endif

static void err_format(struct err *err, const char *format, va_list args)
{
    vsnprintf(err->text, sizeof err->text, format, args);
}

int err_set(struct err *err, const char *format, ...)
{
    va_list args;
    *err = (struct err){0};
    va_start(args, format);
    err_format(err, format, args);
    va_end(args);
    return -1;
}

int err_sys(struct err *err, int number, const char *format, ...)
{
    va_list args;
    *err = (struct err){.number = number};
    va_start(args, format);
    err_format(err, format, args);
    va_end(args);
    size_t used = strlen(err->text);
    snprintf(err->text + used, sizeof err->text - used, ": %s", strerror(number));
    return -1;
}

int err_aws(struct err *err, const char *code, const char *format, ...)
{
    va_list args;
    *err = (struct err){0};
    snprintf(err->code, sizeof err->code, "%s", code);
    va_start(args, format);
    err_format(err, format, args);
    va_end(args);
    return -1;
}

int err_again(struct err *err)
{
    err_set(err, "what this needs is being made");
    err->again = true;
    return -1;
}

int err_wrap(struct err *err, const char *format, ...)
{
    char tail[ERR_TEXT_SIZE];
    memcpy(tail, err->text, sizeof tail);
    va_list args;
    va_start(args, format);
    err_format(err, format, args);
    va_end(args);
    size_t used = strlen(err->text);
    snprintf(err->text + used, sizeof err->text - used, ": %s", tail);
    return -1;
}

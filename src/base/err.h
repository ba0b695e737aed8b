/*
 * The error contract of the whole program:
 *
 *     int f(..., struct err *err)
 *
 * returns >= 0 and leaves err untouched, or returns < 0 and err says what went wrong and why.
 * Callers add context on the way up with err_wrap(); only process loops and front/ log or print.
 * `code` is an AWS error code; it is chosen once, in service/ (or front/ for protocol errors).
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>

enum { ERR_CODE_SIZE = 80, ERR_TEXT_SIZE = 1024 };

struct err {
    int number;               /* errno of the cause, 0 if there is none */
    int http_status;          /* 0: the protocol's default for the code (400, or the model's) */
    bool again;               /* nothing is wrong: what is missing is being made; see err_again() */
    char code[ERR_CODE_SIZE]; /* AWS error code; "" for an internal error */
    char text[ERR_TEXT_SIZE]; /* for people; never empty once set */
};

/* Sets text (printf style); no code. Returns -1, so `return err_set(err, ...)` works. */
int err_set(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Sets text from `format` followed by ": " and the message of errno value `number`. Returns -1. */
int err_sys(struct err *err, int number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Sets an AWS error: code and message exactly as the client shall see them. Returns -1. */
int err_aws(struct err *err, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Says that the same call will succeed when something that takes time is done. Returns -1. */
int err_again(struct err *err);

/* Puts `format` and ": " in front of the text that is there. Keeps code and number. Returns -1. */
int err_wrap(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Static analysis sees one file at a time, and must know that these return -1. */
#ifdef __clang_analyzer__
#define err_set(...)   ((void)err_set(__VA_ARGS__), -1)
#define err_sys(...)   ((void)err_sys(__VA_ARGS__), -1)
#define err_aws(...)   ((void)err_aws(__VA_ARGS__), -1)
#define err_again(...) ((void)err_again(__VA_ARGS__), -1)
#define err_wrap(...)  ((void)err_wrap(__VA_ARGS__), -1)
#endif

#include "control/mail_file.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "model/timestamp.h"
#include "os/file.h"
#include "service/doc.h"
#include "wire/base64.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char suffix[] = ".eml";

/* A name may hold anything; as an encoded word (RFC 2047) it is nothing but a name. */
static void write_sender(const char *name, struct buf *out)
{
    auto_free char *encoded = base64_encode(name, strlen(name));
    buf_printf(out, "From: =?UTF-8?B?%s?= <no-reply@sns.amazonaws.com>\r\n",
               encoded ? encoded : "");
}

static void write_mail(const json_t *delivery, int64_t now_ms, struct buf *out)
{
    const char *subject = doc_text(delivery, "_subject");
    const char *sender = doc_text(delivery, "_sender");
    write_sender(*sender ? sender : "AWS Notifications", out);
    buf_printf(out, "To: %s\r\nSubject: %s\r\nDate: ", doc_text(delivery, "Endpoint"),
               *subject ? subject : "AWS Notification Message");
    timestamp_rfc822(out, (double)now_ms / 1000);
    buf_printf(out,
               "\r\nMessage-ID: <%s@sns.amazonaws.com>\r\nMIME-Version: 1.0\r\n"
               "Content-Type: %s; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
               doc_text(delivery, "MessageId"),
               doc_is(delivery, "Protocol", "email-json") ? "application/json" : "text/plain");
    buf_append_string(out, doc_text(delivery, "_body"));
}

static int is_mail(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name);
    return size > sizeof suffix && !strcmp(entry->d_name + size - (sizeof suffix - 1), suffix);
}

/* Names begin with the time, so the first are the oldest. */
static void make_room(const char *folder)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_mail, alphasort);
    for (int i = 0; i < count; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (i <= count - MAIL_FILES_MAX)
            unlink(path);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

/* The address was checked when it was subscribed: it is a name of a file. */
int mail_file_write(const char *dir, const json_t *delivery, int64_t now_ms, struct err *err)
{
    char folder[PATH_MAX], path[PATH_MAX];
    auto_buf text = {0};
    if (!dir)
        return 0;
    snprintf(folder, sizeof folder, "%s/%s", dir, doc_text(delivery, "Endpoint"));
    if (file_make_dirs(folder, 0750, err) < 0)
        return -1;
    make_room(folder);
    write_mail(delivery, now_ms, &text);
    snprintf(path, sizeof path, "%s/%013" PRId64 "-%s%s", folder, doc_number(delivery, "_due_ms"),
             doc_text(delivery, "MessageId"), suffix);
    if (text.failed)
        return err_set(err, "out of memory");
    return file_write(path, text.data, text.size, 0640, err);
}

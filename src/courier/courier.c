#include "courier/courier.h"

#include "courier/attempt.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct courier {
    struct loop *loop;
    struct courier_options options;
    struct trust *trust;
    struct list attempts; /* struct attempt.link */
    int count;
};

static void tell(struct courier *courier, const char *id, int status, const char *text)
{
    courier->options.done(courier->options.arg, id, status, text);
}

static void end(struct courier *courier, struct attempt *attempt)
{
    list_remove(&attempt->link);
    courier->count--;
    attempt_free(attempt);
}

static void on_over(struct attempt *attempt, int status, const char *text)
{
    struct courier *courier = attempt->owner;
    char id[COURIER_ID_SIZE];
    memcpy(id, attempt->id, sizeof id);
    tell(courier, id, status, text);
    end(courier, attempt);
}

struct courier *courier_create(struct loop *loop, const struct courier_options *options,
                               struct err *err)
{
    struct courier *courier = calloc(1, sizeof *courier);
    struct trust *trust = trust_create(options->trusted_fd);
    if (!courier || !trust) {
        trust_destroy(trust);
        free(courier);
        err_set(err, "out of memory");
        return NULL;
    }
    *courier = (struct courier){.loop = loop, .options = *options, .trust = trust};
    list_init(&courier->attempts);
    return courier;
}

void courier_destroy(struct courier *courier)
{
    if (!courier)
        return;
    list_each_safe (attempt, &courier->attempts, struct attempt, link)
        end(courier, attempt);
    trust_destroy(courier->trust);
    free(courier);
}

static const char *text_of(const json_t *order, const char *name)
{
    const char *text = json_string_value(json_object_get(order, name));
    return text ? text : "";
}

static void write_request(struct attempt *attempt, const json_t *order)
{
    const json_t *body = json_object_get(order, "Body");
    const struct http_url *url = &attempt->url;
    const char *slash = url->target.size && *url->target.data == '/' ? "" : "/";
    buf_printf(&attempt->request, "POST %s%.*s HTTP/1.1\r\nHost: %.*s\r\n", slash,
               (int)url->target.size, url->target.data, (int)url->authority.size,
               url->authority.data);
    buf_append_string(&attempt->request, text_of(order, "Headers"));
    buf_printf(&attempt->request, "Content-Length: %zu\r\nConnection: close\r\n\r\n",
               json_string_length(body));
    buf_append(&attempt->request, text_of(order, "Body"), json_string_length(body));
}

/* NULL and err if the order is not understood. */
static struct attempt *make_attempt(struct courier *courier, const char *id, const json_t *order,
                                    struct err *err)
{
    struct attempt *attempt = calloc(1, sizeof *attempt);
    char *url = strdup(text_of(order, "Url"));
    const char *authority = text_of(order, "Authority");
    if (!attempt || !url) {
        free(attempt);
        free(url);
        err_set(err, "out of memory");
        return NULL;
    }
    *attempt = (struct attempt){.loop = courier->loop,
                                .trust = courier->trust,
                                .options = &courier->options,
                                .over = on_over,
                                .owner = courier,
                                .url_text = url,
                                .watch = {.fd = -1}};
    snprintf(attempt->id, sizeof attempt->id, "%s", id);
    loop_timer_init(&attempt->timer, NULL, attempt);
    bool sound = http_url_parse((struct slice){url, strlen(url)}, &attempt->url);
    if (sound)
        write_request(attempt, order);
    else
        err_set(err, "the URL is not understood");
    if (sound && attempt->url.tls && *authority)
        sound = trust_add(courier->trust, authority, err) == 0;
    if (sound && !attempt->request.failed)
        return attempt;
    attempt_free(attempt);
    return NULL;
}

void courier_send(struct courier *courier, const char *id, const char *json, size_t size)
{
    struct err err = {.text = "out of memory"};
    if (courier->count >= COURIER_ATTEMPTS_MAX) {
        tell(courier, id, 0, "too many messages are on their way");
        return;
    }
    json_auto_t *order = json_loadb(json, size, 0, NULL);
    struct attempt *attempt = make_attempt(courier, id, order, &err);
    if (!attempt) {
        tell(courier, id, 0, err.text);
        return;
    }
    list_append(&courier->attempts, &attempt->link);
    courier->count++;
    attempt_begin(attempt);
}

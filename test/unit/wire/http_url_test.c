/* URLs of HTTP servers. */
#include "wire/http_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool parse(const char *text, struct http_url *url)
{
    return http_url_parse((struct slice){text, strlen(text)}, url);
}

static void a_url_is_taken_apart(void **state)
{
    static const struct {
        const char *text;
        bool tls;
        const char *host;
        uint16_t port;
        const char *target;
    } rows[] = {
        {"http://a", false, "a", 80, ""},
        {"http://a/", false, "a", 80, "/"},
        {"HTTPS://WWW.Example.com/x?y=%20", true, "www.example.com", 443, "/x?y=%20"},
        {"http://127.0.0.1:8080?q", false, "127.0.0.1", 8080, "?q"},
        {"https://a_b-c.d:65535/", true, "a_b-c.d", 65535, "/"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct http_url url;
        assert_true(parse(rows[i].text, &url));
        assert_int_equal(url.tls, rows[i].tls);
        assert_string_equal(url.host, rows[i].host);
        assert_int_equal(url.port, rows[i].port);
        assert_int_equal(url.target.size, strlen(rows[i].target));
        assert_memory_equal(url.target.data, rows[i].target, url.target.size);
    }
}

/* What is read is written into requests: nothing in it may end a line. */
static void what_is_no_url_is_refused(void **state)
{
    static const char *const rows[] = {
        "",
        "a",
        "http://",
        "http:///x",
        "ftp://a/",
        "http://a:",
        "http://a:0",
        "http://a:65536",
        "http://a:1x",
        "http://me@a/",
        "http://a b/",
        "http://a/\r\nX: y",
        "http://a/#x",
        "http://a..b/",
        "http://.a/",
        "http://a./",
        "http://[::1]/",
        "http://a/\x80",
        "http://a:80:80/",
    };
    struct http_url url;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (parse(rows[i], &url))
            fail_msg("accepted: %s", rows[i]);
    assert_false(http_url_parse((struct slice){"http://a/\0x", 11}, &url));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_is_taken_apart),
        cmocka_unit_test(what_is_no_url_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

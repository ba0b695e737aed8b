#include "refusals.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the headers above first. */
#include <cmocka.h>

void refuse_all(struct service_fixture *fixture, const char *service,
                const struct refusal *refusals, size_t count,
                char *(*dump)(struct service_fixture *fixture))
{
    auto_free char *before = dump(fixture);
    for (size_t i = 0; i < count; i++) {
        const struct refusal *row = &refusals[i];
        json_auto_t *out = fixture_call(fixture, service, row->operation, "{%s}", row->members);
        auto_free char *after = dump(fixture);
        if (out || strcmp(fixture->err.code, row->code) || strcmp(fixture->err.text, row->text))
            fail_msg("%s {%s}\nis %s: %s\nnot %s: %s", row->operation, row->members,
                     out ? "accepted" : fixture->err.code, fixture->err.text, row->code, row->text);
        assert_string_equal(before, after);
    }
}

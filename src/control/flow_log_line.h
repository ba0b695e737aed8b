/* Flow log records as AWS writes them: one line each, with the fields that the log's format names.
 */
#pragma once

#include "base/buf.h"
#include "control/control_impl.h"
#include "service/ec2/flow_log.h"

/* A flow in an interval, or, of an interface, that there is none to tell of. */
struct flow_log_line {
    const struct control *control;
    const char *region;
    const json_t *interface;
    const struct flow *flow; /* NULL: there is none */
    const char *status;      /* "OK", "NODATA", "SKIPDATA" */
    int64_t start_ms, end_ms;
};

/* Appends the line that each file begins with. */
void flow_log_append_names(struct buf *out, const struct ec2_flow_format *format);
void flow_log_append_line(struct buf *out, const struct flow_log_line *line,
                          const struct ec2_flow_format *format);

/*
 * How much an HTTP/2 client may ask of us that leads to nothing: frames without payload, streams
 * that are reset. Bytes of honest requests and answers pay for it, and so does time; whoever owes
 * too much is disconnected. One rule thus holds for every flood of cheap frames.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http2_budget {
    uint64_t debt_bytes;
    int64_t seen_ms; /* when time paid last */
};

/* A frame of so many bytes came, or what costs us as much. False: it is too much. */
bool http2_budget_charge(struct http2_budget *budget, int64_t now_ms, size_t bytes);
void http2_budget_pay(struct http2_budget *budget, size_t bytes);

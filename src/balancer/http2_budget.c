#include "balancer/http2_budget.h"

enum { DEBT_MAX_BYTES = 256 * 1024, PAID_BYTES_PER_MS = 4 };

bool http2_budget_charge(struct http2_budget *budget, int64_t now_ms, size_t bytes)
{
    if (now_ms > budget->seen_ms)
        http2_budget_pay(budget, (size_t)(now_ms - budget->seen_ms) * PAID_BYTES_PER_MS);
    budget->seen_ms = now_ms;
    budget->debt_bytes += bytes;
    return budget->debt_bytes <= DEBT_MAX_BYTES;
}

void http2_budget_pay(struct http2_budget *budget, size_t bytes)
{
    budget->debt_bytes -= bytes < budget->debt_bytes ? bytes : budget->debt_bytes;
}

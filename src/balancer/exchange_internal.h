/* Between exchange.c and response.c. */
#pragma once

struct exchange;

/* The head as sent will not be needed again. */
void exchange_forget_head(struct exchange *exchange);

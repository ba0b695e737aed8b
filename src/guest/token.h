/* IMDSv2 session tokens: signed, so that nothing need be kept and no guest can fill a table. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TOKEN_KEY_SIZE = 32, TOKEN_TEXT_SIZE = 64, TOKEN_TTL_MAX_SECONDS = 21600 };

/* A token for the instance that is good until `expires_ms`. */
void token_issue(const uint8_t key[TOKEN_KEY_SIZE], const char *instance_id, int64_t expires_ms,
                 char text[TOKEN_TEXT_SIZE]);
/* Whether the text is a token that was issued to this instance and has not expired at `now_ms`. */
bool token_check(const uint8_t key[TOKEN_KEY_SIZE], const char *instance_id, int64_t now_ms,
                 const char *text, size_t size);

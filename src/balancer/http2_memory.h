/* The memory of nghttp2's sessions. */
#pragma once

#include <nghttp2/nghttp2.h>

/*
 * For nghttp2_session_server_new3() and the like. Each session has a buffer for a whole frame, of
 * which a connection with small responses uses the beginning: the rest takes no memory until then.
 */
nghttp2_mem *http2_memory(void);

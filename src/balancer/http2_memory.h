/*
 * The memory of nghttp2's sessions. A session begins with 25 KB of tables and a buffer for a whole
 * frame, nearly all of it zeros as long as it says little: they lie together in one block that
 * can be put to rest (http/rest.h).
 */
#pragma once

#include "http/rest.h"

#include <nghttp2/nghttp2.h>

/*
 * nghttp2_session_server_new2() or nghttp2_session_client_new2(), in memory of the set. Wake it
 * with rest_wake() before each use. NULL if memory ran out.
 */
nghttp2_session *http2_memory_session(struct rest_set *set, bool server,
                                      const nghttp2_session_callbacks *callbacks, void *owner,
                                      const nghttp2_option *option);
/* nghttp2_session_del(). */
void http2_memory_end(nghttp2_session *session);

/* Writing XML 1.0. Names come from our tables and are not checked; text is escaped. */
#pragma once

#include "base/buf.h"

void xml_open(struct buf *out, const char *name);
void xml_close(struct buf *out, const char *name);
/* "<name/>" */
void xml_empty(struct buf *out, const char *name);
/* Escaped for element content and attribute values. Bytes that XML 1.0 forbids become U+FFFD. */
void xml_text(struct buf *out, const char *text, size_t size);
/* <name>text</name> */
void xml_element(struct buf *out, const char *name, const char *text);

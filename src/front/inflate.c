#include "front/inflate.h"

#include <zlib.h>

enum { GZIP_WINDOW = 15 + 16, STEP = 16 * 1024 };

int front_gunzip(const void *data, size_t size, struct buf *out)
{
    z_stream stream = {.next_in = (Bytef *)data, .avail_in = (uInt)size};
    if (inflateInit2(&stream, GZIP_WINDOW) != Z_OK)
        return -1;
    int result = Z_OK;
    while (result == Z_OK) {
        unsigned char piece[STEP];
        stream.next_out = piece;
        stream.avail_out = sizeof(piece);
        result = inflate(&stream, Z_NO_FLUSH);
        buf_append(out, piece, sizeof(piece) - stream.avail_out);
        if (out->failed)
            break;
    }
    bool whole = result == Z_STREAM_END && stream.avail_in == 0;
    inflateEnd(&stream);
    return whole && !out->failed ? 0 : -1;
}

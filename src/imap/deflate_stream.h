#pragma once
// Private to the room. COMPRESS=DEFLATE (RFC 4978; RFC 1951): the stream within, both ways compressed. Each write is
// flushed, so that nothing waits in the compressor. What comes out of the decompressor is never more than the reader
// asks for, so the limits on what a client may send hold for what is decompressed. While it waits it holds the two
// states, some 75 KiB, and no buffer: the window of what the client sends is the client's choice, 32 KiB.

#include <memory>

#include "net/stream.h"

namespace imap {

std::unique_ptr<net::Stream> make_deflate_stream(std::unique_ptr<net::Stream> inner);

}  // namespace imap

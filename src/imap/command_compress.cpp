// COMPRESS (RFC 4978).
#include "imap/deflate_stream.h"
#include "imap/driver.h"

namespace imap {

base::Result<Arguments> parse_compress(Cursor& in) {
  if (!in.space() || !in.word("DEFLATE")) {
    return base::fail(base::Code::invalid, "COMPRESS wants the name of an algorithm, and DEFLATE is the only one");
  }
  return Nothing{};
}

net::Task<Reply> do_compress(Session& session, Command& command) {
  if (session.compressed) co_return bad(says::kCompressedAlready);
  // RFC 4978 §3: the client waits for the answer. What it sent behind would be read as compressed.
  if (!session.pending().empty()) co_return bad(says::kCompressTooEarly);
  append_reply(session.out, command.tag, ok("DEFLATE active"));
  co_await session.flush();
  session.signal->stream = nullptr;
  session.stream = make_deflate_stream(std::move(session.stream));
  session.signal->stream = session.stream.get();
  session.compressed = true;
  session.log.info("imap.compress");
  session.replied = true;
  co_return Reply{};
}

}  // namespace imap

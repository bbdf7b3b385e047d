#include "outbound/run_command.h"

#include <array>

#include "net/listener.h"
#include "net/pool.h"
#include "net/stream.h"
#include "outbound/outcome.h"

namespace outbound {

namespace {

using net::Task;

/// Beyond the time limit: who watches over the command says itself that it took too long.
constexpr std::chrono::seconds kMargin{15};
/// After its socket is closed that process has nothing left to do.
constexpr int kLooks = 200;
constexpr std::chrono::milliseconds kLookPause{10};

struct Run {
  const Pipe& pipe;
  const Message& message;
  const std::string& recipient;
  const std::function<bool()>& may_commit;
  std::unique_ptr<net::Stream> stream;
  LineEnds ends{};
};

Task<void> write_block(Run& run, std::string_view bytes) {
  const std::string block = pipe_block(bytes);
  co_await run.stream->write(block);
}

/// Bytes with CRLF line ends, as the command wants them.
Task<void> write_lines(Run& run, std::string bytes) {
  if (!run.pipe.crlf) {
    std::string converted;
    run.ends.convert(bytes, converted);
    bytes = std::move(converted);
  }
  if (!bytes.empty()) co_await write_block(run, bytes);
}

/// False: the attempt is let go. Throws Closed.
Task<base::Result<bool>> write_message(Run& run) {
  co_await write_lines(run,
                       "Return-Path: <" + run.message.envelope.sender + ">\r\nDelivered-To: " + run.recipient + "\r\n");
  for (std::uint64_t offset = 0;;) {
    CO_TRY_ASSIGN(std::string piece, co_await run.message.read(offset));
    if (piece.empty()) break;
    offset += piece.size();
    co_await write_lines(run, std::move(piece));
  }
  std::string rest;
  run.ends.finish(rest);
  if (!rest.empty()) co_await write_block(run, rest);
  if (!run.may_commit()) co_return false;
  co_await write_block(run, {});
  co_return true;
}

Task<base::Result<PipeEnd>> read_end(net::Stream& stream) {
  std::string bytes;
  std::array<char, 1024> buffer;
  while (bytes.size() <= 2 * PipeEnd::kMaxOutput) {
    const std::size_t got = co_await stream.read(buffer);
    if (got == 0) break;
    bytes.append(buffer.data(), got);
  }
  co_return parse_pipe_end(bytes);
}

Task<Outcome> converse(Run& run) {
  try {
    const auto written = co_await write_message(run);
    if (!written) co_return deferred("4.3.0", "the message cannot be read: " + written.error().text);
    if (!*written) co_return deferred("4.4.5", "the attempt was given up before the command had the message");
    const auto end = co_await read_end(*run.stream);
    co_return end ? outcome_of(*end) : deferred("4.3.0", end.error().text);
  } catch (const net::Closed& closed) {
    co_return deferred("4.3.0", std::string("the command: ") + closed.what());
  }
}

Task<void> see_off(std::function<bool(bool)> gone) {
  for (int i = 0; i < kLooks; ++i) {
    if (gone(false)) co_return;
    co_await net::sleep_for(i == 0 ? std::chrono::milliseconds(1) : kLookPause);
  }
  (void)gone(true);
}

}  // namespace

Task<Outcome> run_command(const Services& services, const Pipe& pipe, const Message& message, std::string recipient,
                          const std::function<bool()>& may_commit, base::SteadyTime deadline) {
  if (!services.start_command) co_return out_of_reach("4.3.5", "no commands are run here");
  net::Pool& pool = services.store.pool();
  const PipeValues values{.sender = message.envelope.sender, .recipient = recipient, .id = message.id};
  // Whatever else keeps it from being run is the operator's to mend.
  if (const auto fit = expand(pipe.command, values); !fit) co_return failed("5.1.3", fit.error().text);
  auto started = co_await pool.run([&] { return services.start_command(pipe, values); });
  if (!started) co_return out_of_reach("4.3.5", "the command cannot be run: " + started.error().text);
  Run run{.pipe = pipe,
          .message = message,
          .recipient = recipient,
          .may_commit = may_commit,
          .stream = net::adopt_stream(started->socket)};
  run.stream->set_deadline(std::min(deadline, std::chrono::steady_clock::now() + pipe.time_limit + kMargin));
  Outcome outcome = co_await converse(run);
  run.stream->close();
  run.stream.reset();
  if (started->gone) co_await see_off(started->gone);
  co_return outcome;
}

}  // namespace outbound

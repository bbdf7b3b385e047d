#pragma once
// In-memory streams for tests: a pair of connected ends, and a scripted stream that replays input in pieces of a given
// size and can fail at any step. They obey net/stream.h to the letter, deadlines included (by the machine's clock).

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "net/stream.h"

namespace net {

/// Two connected streams on the current loop: what one writes the other reads. Unbounded in between.
std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> memory_pair(Endpoints first = {}, Endpoints second = {});

/// A stream whose input is `input`, handed out in reads of at most `piece` bytes, and which ends (read gives 0) after
/// it; with `fail_after` operations every further one throws Closed(peer). What is written is appended to `output`,
/// which must outlive the stream.
struct Script {
  std::string input;
  std::size_t piece = SIZE_MAX;
  std::size_t fail_after = SIZE_MAX;
  Endpoints endpoints{.peer_address = "192.0.2.1", .peer_port = 4321, .local_address = "192.0.2.25", .local_port = 25};
};
std::unique_ptr<Stream> scripted_stream(Script script, std::string& output);

}  // namespace net

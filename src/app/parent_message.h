#pragma once
// The messages between the server and its privileged parent (parent.h): one datagram each over a SOCK_SEQPACKET pair, a
// request and its reply in turn. Pure; total on any bytes, and bounded by kMaxMessage.
//   request: kind ('L' listen, 'O' open, 'R' run) · port, two bytes, the higher first (0 but with 'L') · an address, or
//   a path from /, or four lines: the fingerprint of a command, sender, recipient and id of a message
//   reply:   0, with the descriptor as SCM_RIGHTS · or 1 + the code of an error · a sentence

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace app {

inline constexpr std::size_t kMaxMessage = 4096;

struct ParentRequest {
  enum class Kind : std::uint8_t { listen = 'L', open = 'O', run = 'R' };
  Kind kind = Kind::open;
  std::uint16_t port = 0;
  std::string text;  // the address, the path or the lines; not empty, no NUL

  friend bool operator==(const ParentRequest&, const ParentRequest&) = default;
};

/// Of a request to run: the four lines.
std::vector<std::string> lines_of(const ParentRequest& request);

/// A path that does not fit gives a message that no parser takes.
std::string encode(const ParentRequest& request);
std::optional<ParentRequest> parse_request(std::string_view message);

/// An error whose text is cut to what fits; nothing: done, and a descriptor came with it.
std::string encode(const std::optional<base::Error>& reply);
/// False: it is no reply.
bool parse_reply(std::string_view message, std::optional<base::Error>& reply);

}  // namespace app

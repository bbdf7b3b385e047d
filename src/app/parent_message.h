#pragma once
// The messages between the server and its privileged parent (parent.h): one datagram each over a SOCK_SEQPACKET pair, a
// request and its reply in turn. Pure; total on any bytes, and bounded by kMaxMessage.
//   request: kind ('L' listen, 'O' open) · port, two bytes, the higher first (0 with 'O') · an address, or a path from
//   / reply:   0, with the descriptor as SCM_RIGHTS · or 1 + the code of an error · a sentence

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace app {

inline constexpr std::size_t kMaxMessage = 4096;

struct ParentRequest {
  enum class Kind : std::uint8_t { listen = 'L', open = 'O' };
  Kind kind = Kind::open;
  std::uint16_t port = 0;
  std::string text;  // the address or path; not empty, no NUL

  friend bool operator==(const ParentRequest&, const ParentRequest&) = default;
};

/// A path that does not fit gives a message that no parser takes.
std::string encode(const ParentRequest& request);
std::optional<ParentRequest> parse_request(std::string_view message);

/// An error whose text is cut to what fits; nothing: done, and a descriptor came with it.
std::string encode(const std::optional<base::Error>& reply);
/// False: it is no reply.
bool parse_reply(std::string_view message, std::optional<base::Error>& reply);

}  // namespace app

#include "app/parent_message.h"

namespace app {

namespace {

constexpr std::size_t kHead = 3;
constexpr std::size_t kRunLines = 4;
constexpr auto kLastCode = static_cast<std::uint8_t>(base::Code::unsupported);

std::uint8_t byte(char c) { return static_cast<std::uint8_t>(c); }

}  // namespace

std::string encode(const ParentRequest& request) {
  std::string message;
  message += static_cast<char>(request.kind);
  message += static_cast<char>(request.port >> 8);
  message += static_cast<char>(request.port & 0xFF);
  return message + request.text;
}

std::optional<ParentRequest> parse_request(std::string_view message) {
  if (message.size() <= kHead || message.size() > kMaxMessage) return std::nullopt;
  ParentRequest request;
  request.port = static_cast<std::uint16_t>(byte(message[1]) << 8 | byte(message[2]));
  request.text = message.substr(kHead);
  if (request.text.find('\0') != std::string::npos) return std::nullopt;
  switch (message[0]) {
    case 'L':
      request.kind = ParentRequest::Kind::listen;
      return request;
    case 'O':
      request.kind = ParentRequest::Kind::open;
      if (request.port != 0 || request.text[0] != '/') return std::nullopt;
      return request;
    case 'R':
      request.kind = ParentRequest::Kind::run;
      if (request.port != 0 || lines_of(request).size() != kRunLines) return std::nullopt;
      return request;
    default:
      return std::nullopt;
  }
}

std::vector<std::string> lines_of(const ParentRequest& request) {
  std::vector<std::string> lines;
  std::string_view rest = request.text;
  for (;;) {
    const std::size_t end = rest.find('\n');
    lines.emplace_back(rest.substr(0, end));
    if (end == std::string_view::npos || lines.size() > kRunLines) return lines;
    rest.remove_prefix(end + 1);
  }
}

std::string encode(const std::optional<base::Error>& reply) {
  if (!reply) return std::string(1, '\0');
  std::string message(1, static_cast<char>(1 + static_cast<std::uint8_t>(reply->code)));
  return message + reply->text.substr(0, kMaxMessage - 1);
}

bool parse_reply(std::string_view message, std::optional<base::Error>& reply) {
  if (message.empty() || message.size() > kMaxMessage) return false;
  const std::uint8_t code = byte(message[0]);
  reply.reset();
  if (code == 0) return message.size() == 1;
  if (code > 1 + kLastCode) return false;
  reply = base::Error{static_cast<base::Code>(code - 1), std::string(message.substr(1))};
  return true;
}

}  // namespace app

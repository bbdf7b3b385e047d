#include "sasl/scram_messages.h"

#include <algorithm>

#include "base/text.h"
#include "sasl/mechanisms.h"

namespace sasl {
namespace {

constexpr std::size_t kMaxMessageBytes = 4096;
constexpr std::size_t kMaxNonceBytes = 512;

std::unexpected<base::Error> malformed(std::string what) { return base::fail(base::Code::invalid, std::move(what)); }

/// Takes what stands before the next comma, and the comma; the rest when there is none.
std::string_view take(std::string_view& text) {
  const auto part = text.substr(0, text.find(','));
  text.remove_prefix(std::min(text.size(), part.size() + 1));
  return part;
}

/// RFC 5802 §5.1: "," and "=" are written "=2C" and "=3D", and "=" before anything else is an error.
base::Result<std::string> decode_name(std::string_view what, std::string_view text) {
  std::string name;
  while (!text.empty()) {
    const auto equals = std::min(text.find('='), text.size());
    name += text.substr(0, equals);
    text.remove_prefix(equals);
    if (text.empty()) break;
    const auto code = text.substr(0, 3);
    if (code != "=2C" && code != "=3D") return malformed("a bare \"=\" in " + std::string(what));
    name += code == "=2C" ? ',' : '=';
    text.remove_prefix(3);
  }
  TRY(check_field(what, name));
  return name;
}

bool is_printable(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7F' && c != ','; });
}

/// attr-val *("," attr-val), which are ignored.
bool are_extensions(std::string_view text) {
  while (!text.empty()) {
    const auto part = take(text);
    if (part.size() < 3 || !base::is_alpha(part[0]) || part[1] != '=') return false;
  }
  return true;
}

base::Result<void> check_message(std::string_view message) {
  if (message.size() > kMaxMessageBytes) return malformed("a SCRAM message is longer than 4,096 bytes");
  if (message.find('\0') != std::string_view::npos) return malformed("NUL in a SCRAM message");
  if (!base::valid_utf8(message)) return malformed("a SCRAM message is not UTF-8");
  return {};
}

base::Result<void> parse_gs2_header(std::string_view flag, std::string_view identity, ScramFirst& first) {
  if (flag.starts_with("p=")) {
    first.binding = flag.substr(2);
    if (first.binding.empty()) return malformed("the channel binding has no name");
  } else if (flag != "n" && flag != "y") {
    return malformed("a SCRAM message begins with n, y or p");
  }
  first.flag = flag[0];
  if (identity.empty()) return {};
  if (!identity.starts_with("a=")) return malformed("where the authorization identity belongs is something else");
  if (identity == "a=") return {};  // against the grammar, and what GNU SASL writes for an identity that is empty
  TRY_ASSIGN(first.authorize_as, decode_name("the authorization identity", identity.substr(2)));
  return {};
}

}  // namespace

base::Result<ScramFirst> parse_scram_first(std::string_view message) {
  TRY(check_message(message));
  ScramFirst first;
  std::string_view rest = message;
  const auto flag = take(rest);
  const auto identity = take(rest);
  TRY(parse_gs2_header(flag, identity, first));
  first.gs2_header = message.substr(0, message.size() - rest.size());
  if (std::ranges::count(first.gs2_header, ',') != 2) return malformed("the SCRAM message ends in its header");
  first.bare = rest;
  const auto name = take(rest);
  // RFC 5802 §5.1: "m" stands for extensions that whoever does not know them must refuse.
  if (name.starts_with("m=")) return malformed("mandatory extensions of SCRAM are not supported");
  if (!name.starts_with("n=")) return malformed("the user name is missing");
  TRY_ASSIGN(first.user, decode_name("the user name", name.substr(2)));
  const auto nonce = take(rest);
  first.nonce = nonce.substr(std::min<std::size_t>(nonce.size(), 2));
  if (!nonce.starts_with("r=") || !is_printable(first.nonce) || first.nonce.size() > kMaxNonceBytes) {
    return malformed("the nonce is missing or has a form of its own");
  }
  if (!are_extensions(rest)) return malformed("behind the nonce stands something else than extensions");
  return first;
}

base::Result<ScramFinal> parse_scram_final(std::string_view message) {
  TRY(check_message(message));
  ScramFinal final;
  const auto at = message.rfind(",p=");
  if (at == std::string_view::npos) return malformed("the proof is missing");
  final.without_proof = message.substr(0, at);
  auto proof = base::base64_decode(message.substr(at + 3));
  if (!proof) return malformed("the proof is not base64");
  final.proof = *std::move(proof);
  std::string_view rest = final.without_proof;
  final.binding = take(rest);
  const auto nonce = take(rest);
  if (!final.binding.starts_with("c=") || !nonce.starts_with("r=")) return malformed("binding or nonce is missing");
  final.nonce = nonce.substr(2);
  if (!are_extensions(rest)) return malformed("behind the nonce stands something else than extensions");
  return final;
}

}  // namespace sasl

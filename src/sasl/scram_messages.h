#pragma once
// Private to the room: the two messages of a SCRAM client (RFC 5802 §7). Pure, total, linear; invalid in words. The
// views are into the message.

#include <string>
#include <string_view>

#include "base/result.h"

namespace sasl {

struct ScramFirst {
  char flag = 'n';              // n: no binding; y: could bind, but we seem not to; p: binds
  std::string_view binding;     // its name, with p
  std::string authorize_as;     // empty: the user
  std::string_view gs2_header;  // with its last comma
  std::string_view bare;        // what follows it
  std::string user;
  std::string_view nonce;
};
base::Result<ScramFirst> parse_scram_first(std::string_view message);

struct ScramFinal {
  std::string_view binding;  // "c=" and its base64
  std::string_view nonce;
  std::string_view without_proof;  // the message up to the comma before the proof
  std::string proof;
};
base::Result<ScramFinal> parse_scram_final(std::string_view message);

}  // namespace sasl

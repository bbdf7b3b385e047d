// PLAIN over any bytes: what comes out keeps the contract of Credentials and is what went in.

#include "base/check.h"
#include "base/text.h"
#include "sasl/sasl.h"

namespace {

void ensure_field(std::string_view field, bool may_be_empty) {
  ENSURE(may_be_empty || !field.empty());
  ENSURE(field.size() <= 1024);
  ENSURE(field.find('\0') == std::string_view::npos);
  ENSURE(base::valid_utf8(field));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto mechanism = sasl::make_mechanism("PLAIN", {}, {}, {});
  const auto answer = mechanism->respond(input);
  ENSURE(!mechanism->respond(input));  // one response, then it is over
  if (!answer) {
    ENSURE(answer.error().code == base::Code::invalid);
    return 0;
  }
  const auto& credentials = std::get<sasl::Credentials>(*answer);
  ensure_field(credentials.authorize_as, true);
  ensure_field(credentials.user, false);
  ensure_field(credentials.password, false);
  ENSURE(credentials.authorize_as + '\0' + credentials.user + '\0' + credentials.password == input);
  return 0;
}

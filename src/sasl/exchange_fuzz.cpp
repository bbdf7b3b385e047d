// Exchanges of every mechanism over any bytes. The first byte chooses the mechanism; the responses follow, divided by
// 0xFF, which is never part of UTF-8. What comes out keeps the contract of sasl.h, and nobody proves anything by chance
// but by a certificate.

#include "base/check.h"
#include "base/text.h"
#include "sasl/sasl.h"

namespace {

void ensure_name(std::string_view name) {
  ENSURE(!name.empty() && name.size() <= 1024);
  ENSURE(name.find('\0') == std::string_view::npos);
  ENSURE(base::valid_utf8(name));
}

sasl::Secrets secrets_for(const sasl::Question& question) {
  const std::size_t size = question.wanted == sasl::Wanted::scram_sha1 ? 20 : 32;  // also an HMAC state of MD5
  return {.salt = "salt and salt", .iterations = 4096, .list = {{1, std::string(size, 'k'), std::string(size, 's')}}};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const sasl::Enabled all{.scram_sha1 = true, .cram_md5 = true};
  const sasl::Channel channel{.can_bind = true, .client_names = {"tim@example.test"}};
  const auto names = sasl::offered(all, channel);
  const auto name = names[data[0] % names.size()];
  const auto mechanism = sasl::make_mechanism(name, all, channel,
                                              {.nonce = "nonce",
                                               .hostname = "mail.example.test",
                                               .tls_exporter = "exporter",
                                               .tls_server_end_point = "end point"});
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  bool over = false;
  for (const auto response : base::split(input, '\xFF')) {
    auto outcome = mechanism->respond(response);
    ENSURE(!over || !outcome);
    if (outcome && std::holds_alternative<sasl::Question>(*outcome)) {
      const auto question = std::get<sasl::Question>(*outcome);
      ensure_name(question.user);
      outcome = mechanism->resume(secrets_for(question));
    }
    if (!outcome) {
      ENSURE(outcome.error().code == base::Code::invalid || outcome.error().code == base::Code::denied);
      over = true;
    } else if (!std::holds_alternative<sasl::Challenge>(*outcome)) {
      ensure_name(mechanism->user());
      ENSURE(!std::holds_alternative<sasl::Proven>(*outcome) || name == "EXTERNAL");
      over = true;
    }
  }
  return 0;
}

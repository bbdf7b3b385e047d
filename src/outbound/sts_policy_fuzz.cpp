// Policies and TXT records of any bytes give a value or an error, and values keep their bounds.

#include <algorithm>
#include <cstdlib>

#include "outbound/sts_policy.h"
#include "outbound/tls_report.h"

namespace {

void expect(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto policy = outbound::parse_sts_policy(text)) {
    expect(policy->max_age <= 31'557'600);
    expect(policy->mode == outbound::StsMode::none || !policy->mx.empty());
    for (const std::string& mx : policy->mx) {
      expect(!mx.empty() && mx.size() <= 255);
      expect(std::ranges::all_of(mx, [](char c) { return c > 0x20 && c < 0x7F; }));
      if (!mx.starts_with("*.")) expect(outbound::allows(*policy, mx));
    }
    (void)outbound::allows(*policy, text);
  }
  if (const auto id = outbound::sts_id({text})) expect(!id->empty() && id->size() <= 32);
  if (const auto receivers = outbound::report_receivers({text})) {
    expect(receivers->mail.size() + receivers->https.size() <= 10);
    for (const std::string& address : receivers->mail) {
      expect(std::ranges::all_of(address, [](char c) { return c > 0x20 && c < 0x7F && c != '<' && c != '>'; }));
    }
  }
  return 0;
}

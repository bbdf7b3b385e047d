// Header blocks of clients meet the rules of rewriting: whatever they hold, what comes out has no address left that a
// rule fits, and nothing else changed when none did.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "delivery/rewrite.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<delivery::Rewrite> kRules{*delivery::parse_rewrite("root@*="),
                                                     *delivery::parse_rewrite("*@*.corp.example=*@corp.example"),
                                                     *delivery::parse_rewrite("a@b.example=c@d.example")};
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto once = delivery::rewritten_header(kRules, text)) {
    if (delivery::rewritten_header(kRules, *once)) std::abort();
  }
  if (const auto address = delivery::rewritten(kRules, text)) {
    if (delivery::rewritten(kRules, *address)) std::abort();
  }
  if (const auto rule = delivery::parse_rewrite(text)) {
    if (delivery::parse_rewrite(delivery::print(*rule)) != *rule) std::abort();
  }
  return 0;
}

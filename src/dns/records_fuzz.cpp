// Record data of any bytes gives a value or nothing, and what it gives keeps its bounds.

#include <cstdlib>

#include "dns/records.h"

namespace {

void expect(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* bytes, std::size_t size) {
  const std::string_view data(reinterpret_cast<const char*>(bytes), size);
  for (const auto type : {dns::Type::a, dns::Type::cname, dns::Type::ptr, dns::Type::mx, dns::Type::txt,
                          dns::Type::aaaa, dns::Type::tlsa}) {
    dns::Answer answer;
    const bool added = dns::add_record(answer, type, data);
    const std::size_t count =
        answer.addresses.size() + answer.names.size() + answer.mx.size() + answer.texts.size() + answer.tlsa.size();
    expect(count == (added ? 1U : 0U));
    for (const auto& name : answer.names) {
      expect(name.size() <= 4 * 255);
      for (const char c : name) expect(c > 0x20 && c < 0x7F);
    }
    for (const auto& text : answer.texts) expect(text.size() < size);
  }
  std::string_view rest = data;
  std::string name;
  if (dns::take_name(rest, name)) expect(rest.size() < data.size() && data.ends_with(rest));
  return 0;
}

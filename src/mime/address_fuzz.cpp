// Input: an address list, and an addr-spec. Groups must be closed and never nested; an addr-spec that is taken must
// come back from its own form.

#include <cstdint>
#include <cstdlib>

#include "mime/address.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  bool in_group = false;
  for (const mime::Address& a : mime::addresses(text)) {
    if (a.group_start && (in_group || a.group_end)) std::abort();
    if (a.group_end && !in_group) std::abort();
    if (a.group_start) in_group = true;
    if (a.group_end) in_group = false;
  }
  if (in_group) std::abort();

  mime::AddrSpec spec;
  if (mime::parse_addr_spec(text, spec)) {
    mime::AddrSpec again;
    if (!mime::parse_addr_spec(mime::format(spec), again) || !(again == spec)) std::abort();
  }
  return 0;
}

// Addresses, domains and passwords from any bytes: what is accepted is in the one form that its contract names.

#include "base/check.h"
#include "base/text.h"
#include "directory/directory.h"
#include "directory/normalize.h"

namespace {

void ensure_domain(std::string_view name) {
  ENSURE(!name.empty() && name.size() <= 253);
  for (const char c : name) {
    ENSURE(base::is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.');
  }
  ENSURE(directory::normalize_domain(name) == std::string(name));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (const auto domain = directory::normalize_domain(input)) ensure_domain(*domain);
  if (const auto parts = directory::split_address(input)) {
    ensure_domain(parts->domain);
    ENSURE(!parts->local.empty() && parts->local.size() <= mime::kMaxLocalPart && base::valid_utf8(parts->local));
    const auto address = directory::normalize_address(input);
    ENSURE(address.has_value());
    ENSURE(directory::normalize_address(*address) == *address);
    ENSURE(directory::split_address(*address) == *parts);
  }
  if (const auto target = directory::normalize_target(input)) {
    ENSURE(directory::normalize_target(*target) == *target);
  }
  if (const auto password = directory::prepare_password(input)) {
    ENSURE(!password->empty() && base::valid_utf8(*password) && !password->contains('\0'));
    if (const auto again = directory::prepare_password(*password)) ENSURE(*again == *password);
  }
  return 0;
}

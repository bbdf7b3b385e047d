#include "guard/types.h"

namespace guard {

const char* name(What what) {
  static constexpr const char* kNames[kWhats] = {"connections", "messages", "recipients", "errors", "logins"};
  return kNames[static_cast<std::size_t>(what)];
}

const char* name(Scope scope) {
  static constexpr const char* kNames[] = {"client", "network", "account", "all"};
  return kNames[static_cast<std::size_t>(scope)];
}

base::Network client_of(const base::Address& address) { return {address, address.v4 ? 32u : 64u}; }
base::Network network_of(const base::Address& address) { return {address, address.v4 ? 24u : 48u}; }

std::uint32_t Rates::of(What what) const {
  switch (what) {
    case What::connections:
      return connections;
    case What::messages:
      return messages;
    case What::recipients:
      return recipients;
    case What::errors:
      return errors;
    case What::logins:
      break;
  }
  return logins;
}

}  // namespace guard

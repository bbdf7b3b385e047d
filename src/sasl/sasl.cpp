#include "sasl/sasl.h"

#include "base/text.h"
#include "sasl/mechanisms.h"

namespace sasl {
namespace {

struct Entry {
  std::string_view name;
  std::unique_ptr<Mechanism> (*make)();
};

// Strongest first: the order in which they are announced.
constexpr Entry kMechanisms[] = {{"PLAIN", make_plain}, {"LOGIN", make_login}};

}  // namespace

const std::vector<std::string_view>& mechanisms() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> list;
    for (const Entry& entry : kMechanisms) list.push_back(entry.name);
    return list;
  }();
  return names;
}

std::unique_ptr<Mechanism> make_mechanism(std::string_view name) {
  for (const Entry& entry : kMechanisms) {
    if (base::iequals(entry.name, name)) return entry.make();
  }
  return nullptr;
}

base::Result<void> check_field(std::string_view what, std::string_view field) {
  const std::string name(what);
  if (field.empty()) return base::fail(base::Code::invalid, name + " is empty");
  if (field.size() > kMaxFieldBytes) {
    return base::fail(base::Code::invalid, name + " is longer than " + std::to_string(kMaxFieldBytes) + " bytes");
  }
  if (field.find('\0') != std::string_view::npos) return base::fail(base::Code::invalid, name + " contains NUL");
  if (!base::valid_utf8(field)) return base::fail(base::Code::invalid, name + " is not UTF-8");
  return {};
}

}  // namespace sasl

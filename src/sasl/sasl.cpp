#include "sasl/sasl.h"

#include "base/check.h"
#include "base/text.h"
#include "crypto/random.h"
#include "sasl/mechanisms.h"

namespace sasl {
namespace {

/// All that decides about a mechanism, and makes it.
struct Entry {
  std::string_view name;
  bool Enabled::* enabled;
  bool (*fits)(const Channel& channel);
  std::unique_ptr<Mechanism> (*make)(const Channel& channel, Setting setting);
};

bool anywhere(const Channel&) { return true; }
bool bound(const Channel& channel) { return channel.can_bind; }
bool certified(const Channel& channel) { return !channel.client_names.empty(); }

template <Wanted kWanted, bool kPlus>
std::unique_ptr<Mechanism> scram(const Channel& channel, Setting setting) {
  return make_scram({.wanted = kWanted, .plus = kPlus, .plus_offered = channel.can_bind}, std::move(setting));
}

// Strongest first: the order in which they are announced.
constexpr Entry kMechanisms[] = {
    {"EXTERNAL", &Enabled::external, certified,
     [](const Channel& channel, Setting) { return make_external(channel.client_names); }},
    {"SCRAM-SHA-256-PLUS", &Enabled::scram_sha256, bound, scram<Wanted::scram_sha256, true>},
    {"SCRAM-SHA-256", &Enabled::scram_sha256, anywhere, scram<Wanted::scram_sha256, false>},
    {"SCRAM-SHA-1-PLUS", &Enabled::scram_sha1, bound, scram<Wanted::scram_sha1, true>},
    {"SCRAM-SHA-1", &Enabled::scram_sha1, anywhere, scram<Wanted::scram_sha1, false>},
    {"PLAIN", &Enabled::plain, anywhere, [](const Channel&, Setting) { return make_plain(); }},
    {"LOGIN", &Enabled::login, anywhere, [](const Channel&, Setting) { return make_login(); }},
    {"CRAM-MD5", &Enabled::cram_md5, anywhere,
     [](const Channel&, Setting setting) { return make_cram_md5(std::move(setting)); }},
};

bool is_offered(const Entry& entry, const Enabled& enabled, const Channel& channel) {
  return enabled.*entry.enabled && entry.fits(channel);
}

}  // namespace

base::Result<Outcome> Mechanism::resume(const Secrets&) {
  ENSURE(false);  // a mechanism that asks a Question has its own
  return wrong_proof();
}

std::vector<std::string_view> offered(const Enabled& enabled, const Channel& channel) {
  std::vector<std::string_view> names;
  for (const Entry& entry : kMechanisms) {
    if (is_offered(entry, enabled, channel)) names.push_back(entry.name);
  }
  return names;
}

std::unique_ptr<Mechanism> make_mechanism(std::string_view name, const Enabled& enabled, const Channel& channel,
                                          Setting setting) {
  for (const Entry& entry : kMechanisms) {
    if (!base::iequals(entry.name, name)) continue;
    return is_offered(entry, enabled, channel) ? entry.make(channel, std::move(setting)) : nullptr;
  }
  return nullptr;
}

base::Result<Enabled> enabled_from(const std::vector<std::string>& names) {
  Enabled enabled{.scram_sha256 = false, .external = false, .plain = false, .login = false};
  for (const std::string& name : names) {
    bool found = false;
    for (const Entry& entry : kMechanisms) {
      if (entry.fits == bound || !base::iequals(entry.name, name)) continue;
      enabled.*entry.enabled = found = true;
    }
    if (!found) return base::fail(base::Code::invalid, "there is no mechanism \"" + base::printable(name) + "\"");
  }
  return enabled;
}

Enabled all() {
  Enabled enabled;
  for (const Entry& entry : kMechanisms) enabled.*entry.enabled = true;
  return enabled;
}

std::vector<std::string> names(const Enabled& enabled) {
  std::vector<std::string> list;
  for (const Entry& entry : kMechanisms) {
    if (entry.fits != bound && enabled.*entry.enabled) list.emplace_back(entry.name);
  }
  return list;
}

std::string random_nonce() { return base::base64_encode(crypto::random_bytes(18)); }

bool is_self(std::string_view authorize_as, std::string_view user) {
  return authorize_as.empty() || base::iequals(authorize_as, user);
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

std::unexpected<base::Error> wrong_proof() { return base::fail(base::Code::denied, "wrong name or password"); }

}  // namespace sasl

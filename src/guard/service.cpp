// Visitors: connections, what they do, and their guesses.

#include "guard/service.h"

#include "base/text.h"

namespace guard {
namespace {

constexpr std::chrono::seconds kMinute{60};
constexpr Tick kFirstTick = 1000;  // ticks reach back a window, and have no sign

/// A subject of one group is not one of the other.
std::uint8_t tag(Scope scope, Group group) {
  return static_cast<std::uint8_t>(static_cast<unsigned>(scope) * 2 + static_cast<unsigned>(group));
}

}  // namespace

Visitor Visitor::of(std::string_view address, Group group, bool exempt) {
  const auto parsed = base::Address::parse(address);
  return {.address = parsed, .group = group, .exempt = exempt || !parsed};
}

Service::Service(store::Store& store, const base::Clock& clock, base::Log log, const base::Live<Config>& config)
    : store_(store),
      clock_(clock),
      log_(std::move(log)),
      config_(config),
      metrics_(log_.metrics()),
      key_(crypto::random_bytes(16)),
      start_(clock.steady()),
      rates_(config.get()->records),
      strikes_(config.get()->records),
      strikes_window_(config.get()->ban_window) {}

Tick Service::tick(std::chrono::seconds window) const {
  return kFirstTick + static_cast<Tick>((clock_.steady() - start_) / (window / kTicksPerWindow));
}

Service::Bounds Service::bounds(What what, const Visitor& visitor, base::AccountId account) const {
  const auto config = config_.get();
  Bounds list;
  if (!visitor.exempt && visitor.address) {
    const std::uint32_t limit = (visitor.group == Group::users ? config->user : config->stranger).of(what);
    list.push_back({.scope = Scope::client,
                    .subject = subject(tag(Scope::client, visitor.group), client_of(*visitor.address)),
                    .limit = limit});
    list.push_back({.scope = Scope::network,
                    .subject = subject(tag(Scope::network, visitor.group), network_of(*visitor.address)),
                    .limit = limit * config->network_factor});
  }
  // Webmail on a trusted host logs in for each of its users' clicks.
  if (account && !(visitor.exempt && what == What::logins)) {
    list.push_back({.scope = Scope::account,
                    .subject = subject(tag(Scope::account, Group::users), account),
                    .limit = config->account.of(what)});
  }
  if (!visitor.exempt) list.push_back({.scope = Scope::all, .limit = config->all.of(what)});
  return list;
}

void Service::note(const Limit& limit, const Visitor& visitor, base::AccountId account) const {
  metrics_.count(limit);
  metrics_.evicted.set(static_cast<double>(rates_.evicted()));
  log_.noise("guard.limited", {{"what", name(limit.what)},
                               {"of", name(limit.scope)},
                               {"peer", visitor.address ? visitor.address->text() : std::string()},
                               {"account", account.value}});
}

std::optional<Ban> Service::holding(const base::Address& address) {
  const std::lock_guard lock(mutex_);
  const Ban* ban = bans_.find(address, clock_.now());
  return ban != nullptr ? std::optional(*ban) : std::nullopt;
}

std::optional<Refusal> Service::connect(const Visitor& visitor) {
  if (visitor.exempt) return std::nullopt;
  if (const auto ban = holding(*visitor.address)) {
    metrics_.banned_connections.add();
    return Refusal{.banned = true, .for_good = !ban->until, .limit = {}};
  }
  const Tick now = tick(kMinute);
  // Who has had so many commands refused that its session was ended is not heard again at once.
  std::optional<Limit> limit;
  if (const auto scope = rates_.reached(What::errors, bounds(What::errors, visitor, {}), now)) {
    limit = Limit{What::errors, *scope};
  } else if (const auto over = rates_.take(What::connections, bounds(What::connections, visitor, {}), now)) {
    limit = Limit{What::connections, *over};
  }
  if (!limit) return std::nullopt;
  note(*limit, visitor, {});
  return Refusal{.limit = *limit};
}

std::optional<Limit> Service::take(What what, const Visitor& visitor, base::AccountId account) {
  const Bounds all = bounds(what, visitor, account);
  const Tick now = tick(kMinute);
  // An error has happened already: it counts, and the next one is too many.
  std::optional<Scope> scope;
  if (what == What::errors) {
    rates_.add(what, all, now);
    scope = rates_.reached(what, all, now);
  } else {
    scope = rates_.take(what, all, now);
  }
  if (!scope) return std::nullopt;
  const Limit limit{what, *scope};
  note(limit, visitor, account);
  return limit;
}

bool Service::banned(const Visitor& visitor) { return !visitor.exempt && holding(*visitor.address).has_value(); }

std::optional<Ban> Service::strike(const base::Address& address, std::string_view guess) {
  const auto config = config_.get();
  if (config->wrong_passwords == 0) return std::nullopt;
  const base::Network client = client_of(address);
  const std::uint64_t hash = crypto::siphash(key_, guess);
  const base::WallTime now = clock_.now();
  const std::lock_guard lock(mutex_);
  // Other slots than those that were counted by: everybody begins anew.
  if (strikes_window_ != config->ban_window) {
    strikes_ = Strikes(config->records);
    strikes_window_ = config->ban_window;
  }
  if (!strikes_.add(subject(0, client), hash, config->wrong_passwords, tick(strikes_window_))) return std::nullopt;
  const Ban* before = bans_.of(client);
  // What the operator said of the client is not shortened by what it did.
  if (before != nullptr && before->by_operator && before->holds(now)) return std::nullopt;
  Ban ban{.network = client, .created = now, .reason = std::to_string(config->wrong_passwords) + " wrong passwords"};
  if (before != nullptr && !before->by_operator && now < *before->until + kBanMemory) ban.times = before->times + 1;
  ban.until = now + ban_length(config->first_ban, config->longest_ban, ban.times);
  return ban;
}

net::Task<bool> Service::wrong_password(Visitor visitor, std::string user, std::string guess) {
  if (visitor.exempt) co_return false;
  guess.insert(0, user + '\0');
  metrics_.wrong_passwords.add();
  const std::optional<Ban> ban = strike(*visitor.address, guess);
  // Another session of the client may have brought it a ban meanwhile.
  if (!ban) co_return banned(visitor);
  metrics_.bans_by_guessing.add();
  log_.info("guard.ban.added", {{"network", ban->network.text()},
                                {"until", base::rfc3339_seconds(*ban->until)},
                                {"times", ban->times},
                                {"user", base::printable(user, 100)},
                                {"why", ban->reason}});
  if (const auto kept = co_await keep(*ban); !kept) {
    log_.warning("guard.ban.not_kept",
                 {{"network", ban->network.text()}, {"why", kept.error().text}, {"effect", "until the next start"}});
  }
  co_return true;
}

}  // namespace guard

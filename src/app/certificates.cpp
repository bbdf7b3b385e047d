#include "app/certificates.h"

#include <algorithm>
#include <array>

#include "app/key_files.h"

namespace app {

namespace {

using std::chrono::days;

/// How long before the end it is said again.
constexpr std::array kReminders{days(30), days(14), days(7), days(1), days(0)};

constexpr std::size_t kMaxClientCa = 1 << 20;

std::string shown_name(const NamedCertificate& what) { return what.name.empty() ? "default" : what.name; }

std::string joined(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : " ") + name;
  return all;
}

std::size_t reminders_due(base::WallTime not_after, base::WallTime now) {
  return static_cast<std::size_t>(
      std::ranges::count_if(kReminders, [&](days left) { return not_after - now <= left; }));
}

std::string state_of(bool usable, const std::optional<base::Error>& problem, base::WallTime not_after,
                     base::WallTime now) {
  if (usable && not_after <= now) return "expired";
  if (problem && problem->code == base::Code::not_found) return "missing";
  if (problem) return problem->code == base::Code::invalid ? "mismatched" : "unreadable";
  return reminders_due(not_after, now) > 0 ? "expiring" : "fine";
}

}  // namespace

bool Certificates::One::operator==(const One& other) const {
  const auto same_pair = [](const auto& a, const auto& b) {
    return a.has_value() == b.has_value() &&
           (!a || (a->certificate_pem == b->certificate_pem && a->key_pem == b->key_pem));
  };
  return same_pair(pair, other.pair) && problem.has_value() == other.problem.has_value() &&
         (!problem || problem->text == other.problem->text);
}

Certificates::Certificates(Privileged& privileged, const base::Clock& clock, base::Log log)
    : privileged_(privileged),
      clock_(clock),
      log_(std::move(log)),
      tickets_(tls::make_ticket_keys(clock)),
      watch_(privileged),
      set_(std::make_shared<const Set>()) {}

Certificates::Shared Certificates::current() const {
  const std::lock_guard lock(mutex_);
  return set_;
}

std::vector<std::string> Certificates::paths(const Set& set) {
  std::vector<std::string> paths;
  for (const auto& [path, pem] : set.client_cas) paths.push_back(path);
  for (const One& one : set.all) {
    for (const TlsFiles& files : candidates(one.what.files)) {
      paths.push_back(files.certificate);
      paths.push_back(files.key);
    }
  }
  return paths;
}

Certificates::One Certificates::read(NamedCertificate what, const Set& before) const {
  One one{.what = std::move(what), .pair = {}, .info = {}, .problem = {}};
  auto pair = read_key_pair(one.what.files, privileged_);
  if (pair) {
    if (auto info = tls::inspect(pair->certificate_pem)) {
      one.pair = *std::move(pair);
      one.info = *std::move(info);
      return one;
    } else {
      one.problem = std::move(info).error();
    }
  } else {
    one.problem = std::move(pair).error();
  }
  const auto kept = std::ranges::find_if(before.all, [&](const One& b) { return b.what.files == one.what.files; });
  if (kept != before.all.end()) {
    one.pair = kept->pair;
    one.info = kept->info;
  }
  return one;
}

base::Result<std::string> Certificates::read_client_ca(const std::string& path) const {
  TRY_ASSIGN(std::string pem, privileged_.read(path, kMaxClientCa));
  if (const auto readable = tls::make_connector(pem); pem.empty() || !readable) {
    return base::fail(base::Code::invalid, "the client authorities in " + path + " cannot be read as PEM certificates");
  }
  return pem;
}

/// What the file holds, or what it held before while that cannot be had.
base::Result<void> Certificates::add_client_ca(Set& set, const std::string& path, const Set& before) const {
  auto pem = read_client_ca(path);
  if (!pem) {
    const auto kept = before.client_cas.find(path);
    if (kept == before.client_cas.end()) return std::unexpected(std::move(pem).error());
    set.kept_client_cas[path] = pem.error().text;
    pem = kept->second;
  }
  set.client_cas[path] = *std::move(pem);
  return {};
}

/// Makes the acceptors: for each choice of a listener one, with the other certificates behind it for their names.
base::Result<Certificates::Shared> Certificates::build(Set set) const {
  for (const auto& [listener, choice] : set.by_listener) {
    if (set.acceptors.contains(choice)) continue;
    const auto& [certificate, client_ca] = choice;
    const auto first = std::ranges::find_if(set.all, [&](const One& one) { return one.what.name == certificate; });
    if (first == set.all.end() || !first->pair) continue;
    std::vector<tls::Identity> identities{{.pair = *first->pair, .names = first->what.domains}};
    for (const One& other : set.all) {
      if (&other != &*first && other.pair) identities.push_back({.pair = *other.pair, .names = other.what.domains});
    }
    const std::string& authorities = client_ca.empty() ? std::string() : set.client_cas.at(client_ca);
    TRY_ASSIGN(set.acceptors[choice], tls::make_acceptor(identities, tickets_, authorities));
  }
  return std::make_shared<const Set>(std::move(set));
}

base::Result<Certificates::Prepared> Certificates::prepare(const Config& config) {
  const Shared before = current();
  std::vector<NamedCertificate> wanted;
  if (!config.tls.certificate.empty()) wanted.push_back({.name = {}, .files = config.tls, .domains = {}});
  wanted.insert(wanted.end(), config.certificates.begin(), config.certificates.end());
  Set set;
  for (const NamedCertificate& what : wanted) set.all.push_back({.what = what, .pair = {}, .info = {}, .problem = {}});
  for (const Listener& listener : config.listeners) {
    if (listener.tls != TlsMode::none && !listener.client_ca.empty()) set.client_cas[listener.client_ca];
  }
  FileWatch watch(privileged_);
  watch.watch(paths(set));
  for (const auto& [path, pem] : set.client_cas) TRY(add_client_ca(set, path, *before));
  for (One& one : set.all) {
    one = read(one.what, *before);
    if (!one.pair && one.problem->code != base::Code::not_found) return std::unexpected(*one.problem);
  }
  for (const Listener& listener : config.listeners) {
    if (listener.tls == TlsMode::none || set.all.empty()) continue;
    // Without a default the first of the others stands in.
    const bool by_default = listener.certificate.empty();
    set.by_listener[listener.name] = {by_default ? set.all.front().what.name : listener.certificate,
                                      listener.client_ca};
  }
  TRY_ASSIGN(Shared built, build(std::move(set)));
  return Prepared(std::move(built), std::move(watch));
}

void Certificates::adopt(Prepared prepared) {
  const std::lock_guard lock(changing_);
  watch_ = std::move(prepared.watch_);
  replace(std::move(prepared.set_), !std::exchange(adopted_, true));
  remind();
}

bool Certificates::refresh() {
  const std::lock_guard lock(changing_);
  const Shared before = current();
  // What has a problem is read each time, so that nothing depends on when its last byte was written.
  const bool look = watch_.changed() || !before->kept_client_cas.empty() ||
                    std::ranges::any_of(before->all, [](const One& one) { return one.problem.has_value(); });
  bool exchanged = false;
  if (look) {
    Set set;
    set.by_listener = before->by_listener;
    for (const One& one : before->all) set.all.push_back(read(one.what, *before));
    for (const auto& [path, pem] : before->client_cas) (void)add_client_ca(set, path, *before);  // there is one to keep
    if (set.all != before->all || set.client_cas != before->client_cas ||
        set.kept_client_cas != before->kept_client_cas) {
      if (auto built = build(std::move(set))) {
        replace(*std::move(built), false);
        exchanged = true;
      } else {
        log_.error("app.certificate.kept", {{"why", built.error().text}});
      }
    }
  }
  remind();
  return exchanged;
}

void Certificates::replace(Shared set, bool first) {
  const Shared before = current();
  if (set->all.empty() && (first || !before->all.empty())) {
    log_.warning(
        "app.certificate.missing",
        {{"why",
          "tls.certificate and tls.key are not set: no STARTTLS, no implicit TLS, and no logins but in plain text"}});
  }
  for (const One& one : set->all) {
    const auto old = std::ranges::find_if(
        before->all, [&](const One& b) { return b.what.name == one.what.name && b.what.files == one.what.files; });
    tell(one, old == before->all.end() ? nullptr : &*old);
  }
  for (const auto& [path, why] : set->kept_client_cas) {
    const auto told = before->kept_client_cas.find(path);
    if (told != before->kept_client_cas.end() && told->second == why) continue;
    log_.error("app.client_ca.kept",
               {{"why", why}, {"next", "what it held before is kept, and new content waited for"}});
  }
  const std::lock_guard lock(mutex_);
  set_ = std::move(set);
}

void Certificates::tell(const One& one, const One* before) const {
  if (before && *before == one) return;
  const std::string name = shown_name(one.what);
  if (!one.problem) {
    log_.info("app.certificate", {{"certificate", name},
                                  {"file", one.what.files.certificate},
                                  {"names", joined(one.info.names)},
                                  {"valid_until", base::rfc3339(one.info.not_after)}});
    return;
  }
  const bool missing = one.problem->code == base::Code::not_found;
  log_.warning(missing ? "app.certificate.missing" : "app.certificate.unusable",
               {{"certificate", name},
                {"why", one.problem->text},
                {"next", one.pair ? "the pair in use is kept, and a new one waited for"
                                  : "it is waited for; until then there is no TLS where it is used"}});
}

void Certificates::remind() {
  const base::WallTime now = clock_.now();
  for (const One& one : current()->all) {
    if (!one.pair) continue;
    Reminded& reminded = reminded_[one.what.name];
    if (reminded.not_after != one.info.not_after) reminded = {.not_after = one.info.not_after, .steps = 0};
    const std::size_t due = reminders_due(one.info.not_after, now);
    if (due <= reminded.steps) continue;
    reminded.steps = due;
    const bool expired = one.info.not_after <= now;
    log_.write(expired ? base::Level::error : base::Level::warning,
               expired ? "app.certificate.expired" : "app.certificate.expiring",
               {{"certificate", shown_name(one.what)},
                {"file", one.what.files.certificate},
                {"valid_until", base::rfc3339(one.info.not_after)}});
  }
}

std::shared_ptr<const tls::Acceptor> Certificates::acceptor(std::string_view listener) const {
  const Shared set = current();
  const auto choice = set->by_listener.find(listener);
  if (choice == set->by_listener.end()) return nullptr;
  const auto found = set->acceptors.find(choice->second);
  return found == set->acceptors.end() ? nullptr : found->second;
}

bool Certificates::Prepared::has(std::string_view listener) const {
  const auto choice = set_->by_listener.find(listener);
  return choice != set_->by_listener.end() && set_->acceptors.contains(choice->second);
}

std::vector<admin::Status::Certificate> Certificates::status() const {
  std::vector<admin::Status::Certificate> list;
  const base::WallTime now = clock_.now();
  for (const One& one : current()->all) {
    const bool usable = one.pair.has_value();
    list.push_back({.name = shown_name(one.what),
                    .names = one.what.domains.empty() ? one.info.names : one.what.domains,
                    .file = one.what.files.certificate,
                    .not_after = usable ? std::optional(one.info.not_after) : std::nullopt,
                    .state = state_of(usable, one.problem, one.info.not_after, now),
                    .why = one.problem ? one.problem->text : std::string()});
  }
  return list;
}

}  // namespace app

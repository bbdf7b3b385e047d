// How a running server takes up a changed configuration: read, examined, sockets and certificates prepared, and only
// then adopted, which cannot fail.
#include "app/privileges.h"
#include "app/server.h"

namespace app {

namespace {

/// Times that the inputs of a configuration may turn out to be others while they are read.
constexpr int kReadings = 3;
constexpr std::string_view kFirstLook = "start";
constexpr std::string_view kByFile = "change of a file";
/// How long what was taken up by itself is news to who asks for a reload.
constexpr std::chrono::seconds kJustNow{10};

bool same(const Inputs& a, const Inputs& b) { return a.files == b.files && a.patterns == b.patterns; }

}  // namespace

/// The listeners that can begin: one that begins with TLS waits for its certificate.
std::vector<Listener> Server::ready(const std::vector<Listener>& listeners, const HasCertificate& has) const {
  std::vector<Listener> begin;
  for (const Listener& listener : listeners) {
    if (listener.tls != TlsMode::implicit || has(listener.name)) {
      begin.push_back(listener);
    } else {
      log_.warning("app.listener.waiting", {{"listener", listener.name},
                                            {"why", "it begins with TLS, and there is no certificate for it yet"}});
    }
  }
  return begin;
}

/// With the certificates of now.
std::vector<Listener> Server::ready(const std::vector<Listener>& listeners) const {
  return ready(listeners, [this](std::string_view name) { return certificates_.acceptor(name) != nullptr; });
}

void Server::watch(const Inputs& inputs) {
  inputs_ = inputs;
  watch_.watch(inputs_, Sources::of_machine(*privileged_));
}

/// What is read is watched from before it is read, so that no change falls in between.
Loaded Server::read_again() {
  const Sources sources = Sources::of_machine(*privileged_);
  watch(inputs_);
  Loaded loaded = read_(sources);
  for (int i = 1; i < kReadings && !same(loaded.inputs, inputs_); ++i) {
    watch(loaded.inputs);
    loaded = read_(sources);
  }
  return loaded;
}

Reloaded Server::reload(std::string_view asked_by) {
  const std::lock_guard lock(changing_);
  Reloaded done;
  if (stopped_ || !read_) {
    done.mistakes.push_back({{}, stopped_ ? "the server is stopping" : "this server was started without a file"});
    return done;
  }
  Loaded loaded = read_again();
  done.mistakes = loaded.mistakes;
  if (done.mistakes.empty()) {
    Config next = loaded.config;
    done.changes = compare(*config_.get(), next);
    done.mistakes = take_over(loaded, std::move(next));
  }
  log_reload(asked_by, done);
  if (done.mistakes.empty()) tell_what_came_before(asked_by, done.changes);
  return done;
}

/// Who writes a file and asks for a reload wants to know what has changed, also when the look at the files was first.
void Server::tell_what_came_before(std::string_view asked_by, Changes& changes) {
  const base::SteadyTime now = clock_.steady();
  if (now - taken_up_at_ > kJustNow) taken_up_.clear();
  if (asked_by == kByFile || asked_by == kFirstLook) {
    taken_up_.insert(taken_up_.end(), changes.changed.begin(), changes.changed.end());
    taken_up_at_ = now;
    return;
  }
  changes.changed.insert(changes.changed.begin(), taken_up_.begin(), taken_up_.end());
  taken_up_.clear();
}

std::vector<Mistake> Server::take_over(const Loaded& loaded, Config next) {
  auto certificates = certificates_.prepare(next);
  if (!certificates) return {{loaded.origin("tls.certificate"), certificates.error().text}};
  auto sockets =
      listeners_->prepare(ready(next.listeners, [&](std::string_view name) { return certificates->has(name); }));
  if (!sockets) return {{loaded.origin(""), sockets.error().text}};
  // From here on nothing fails.
  if (next.connections.connections > config_.get()->connections.connections) raise_file_limit(files_wanted(next), log_);
  // What `log level` said by hand stands until the configuration says something else.
  if (next.log_level != config_.get()->log_level) log_.set_level(next.log_level);
  smtp_config_.set(next.smtp);
  imap_config_.set(next.imap);
  delivery_config_.set(next.delivery);
  guard_config_.set(next.guard);
  config_.set(std::move(next));
  certificates_.adopt(*std::move(certificates));
  listeners_->adopt(*std::move(sockets), [this](const Listener& listener) { return service(listener); });
  return {};
}

void Server::log_reload(std::string_view asked_by, const Reloaded& done) const {
  for (const Mistake& mistake : done.mistakes) {
    log_.error("app.reload.refused",
               {{"asked_by", asked_by}, {"why", mistake.located()}, {"effect", "nothing was changed"}});
  }
  const bool nothing = done.changes.changed.empty() && done.changes.waiting.empty();
  if (!done.mistakes.empty() || (nothing && asked_by == kFirstLook)) return;
  for (const std::string& change : done.changes.changed) log_.info("app.reload.changed", {{"what", change}});
  for (const std::string& change : done.changes.waiting) log_.warning("app.reload.needs_restart", {{"what", change}});
  log_.info(
      "app.reload",
      {{"asked_by", asked_by}, {"changed", done.changes.changed.size()}, {"waiting", done.changes.waiting.size()}});
}

void Server::look_at_files() {
  std::string_view why;
  {
    const std::lock_guard lock(changing_);
    if (stopped_) return;
    if (certificates_.refresh()) start_waiting();
    if (!read_) return;
    if (!std::exchange(watched_, true)) {
      why = kFirstLook;  // what has changed since the start read it is not missed
    } else if (watch_.changed(Sources::of_machine(*privileged_))) {
      why = kByFile;
    }
  }
  if (!why.empty()) reload(why);
}

/// Listeners whose certificate has come.
void Server::start_waiting() {
  auto sockets = listeners_->prepare(ready(config_.get()->listeners));
  if (!sockets) {
    log_.error("app.listener.failed", {{"why", sockets.error().text}, {"next", "it is tried again with a reload"}});
    return;
  }
  listeners_->adopt(*std::move(sockets), [this](const Listener& listener) { return service(listener); });
}

}  // namespace app

// Commands over the running server itself: its sessions, its health, its end.
#include <unistd.h>

#include <algorithm>

#include "admin/commands.h"
#include "base/text.h"

namespace admin {

namespace {

constexpr std::uint64_t kDefaultGraceSeconds = 10;
constexpr std::uint64_t kMaxGraceSeconds = 3600;

std::unexpected<base::Error> no_server() { return base::fail(base::Code::unavailable, "no server is running"); }

/// What a request asks of sessions; empty members ask for nothing.
struct Filter {
  std::string user;
  std::string address;
  std::string protocol;
  std::string listener;
  std::vector<std::string> ids;

  bool empty() const { return user.empty() && address.empty() && protocol.empty() && listener.empty() && ids.empty(); }
  bool takes(const Session& session) const {
    const net::SessionInfo& info = session.info;
    return (user.empty() || base::iequals(info.report.user, user)) &&
           (address.empty() || info.endpoints.peer_address == address) &&
           (protocol.empty() || session.protocol == protocol) && (listener.empty() || session.listener == listener) &&
           (ids.empty() || std::ranges::find(ids, std::to_string(info.id)) != ids.end());
  }
};

base::Result<Filter> filter_of(const json::object& arguments) {
  Filter filter;
  TRY_ASSIGN(filter.user, optional_text(arguments, "user"));
  TRY_ASSIGN(filter.address, optional_text(arguments, "address"));
  TRY_ASSIGN(filter.protocol, optional_text(arguments, "protocol"));
  TRY_ASSIGN(filter.listener, optional_text(arguments, "listener"));
  if (arguments.contains("ids")) {
    TRY_ASSIGN(filter.ids, list_argument(arguments, "ids"));
  }
  return filter;
}

net::Task<std::vector<Session>> chosen(const Api& api, Filter filter) {
  std::vector<Session> sessions = co_await api.settings().sessions();
  std::erase_if(sessions, [&](const Session& session) { return !filter.takes(session); });
  std::ranges::sort(sessions, {}, [](const Session& session) { return session.info.id; });
  co_return sessions;
}

json::object row_of(const Session& session, const base::Clock& clock) {
  const net::SessionInfo& info = session.info;
  const auto age = std::chrono::duration_cast<std::chrono::microseconds>(clock.steady() - info.since);
  return {{"id", std::to_string(info.id)},
          {"listener", session.listener},
          {"protocol", session.protocol},
          {"peer", info.endpoints.peer_address},
          {"port", info.endpoints.peer_port},
          {"user", info.report.user},
          {"since", base::rfc3339(clock.now() - age)},
          {"state", info.report.state},
          {"command", info.report.command},
          {"tls", info.report.tls},
          {"received", info.traffic.received},
          {"sent", info.traffic.sent}};
}

json::array listeners_of(const Status& status) {
  json::array list;
  for (const Status::Listener& listener : status.listeners) {
    list.push_back(json::object{{"name", listener.name},
                                {"port", listener.port},
                                {"sessions", listener.sessions},
                                {"failed_sessions", listener.failed_sessions}});
  }
  return list;
}

json::array certificates_of(const Status& status) {
  json::array list;
  for (const Status::Certificate& one : status.certificates) {
    json::object shown{{"name", one.name},
                       {"names", json::array(one.names.begin(), one.names.end())},
                       {"file", one.file},
                       {"state", one.state}};
    if (one.not_after) shown["not_after"] = base::rfc3339(*one.not_after);
    if (!one.why.empty()) shown["why"] = one.why;
    list.push_back(std::move(shown));
  }
  return list;
}

void append(std::string& text, std::string_view what, const std::vector<std::string>& settings) {
  for (const std::string& setting : settings) text += (text.empty() ? "" : "\n") + std::string(what) + ": " + setting;
}

/// All that is wrong, in sentences.
std::vector<std::string> complaints(const Api& api, const Status& status) {
  std::vector<std::string> found;
  std::string why;
  if (!api.services().store.accepts_writes(&why)) found.push_back("the store takes no writes: " + why);
  for (const Status::Certificate& one : status.certificates) {
    if (one.not_after && one.state != "expired") continue;
    found.push_back("the certificate " + one.file +
                    (one.not_after ? " has expired" : " is " + one.state + ": " + one.why));
  }
  return found;
}

}  // namespace

net::Task<base::Result<json::object>> sessions_list(const Api& api, json::object arguments) {
  if (!api.settings().sessions) co_return no_server();
  CO_TRY_ASSIGN(Filter filter, filter_of(arguments));
  const std::vector<Session> sessions = co_await chosen(api, std::move(filter));
  json::array list;
  for (const Session& session : sessions) list.push_back(row_of(session, api.services().clock));
  co_return json::object{{"sessions", std::move(list)}};
}

net::Task<base::Result<json::object>> sessions_close(const Api& api, json::object arguments) {
  if (!api.settings().end_sessions) co_return no_server();
  CO_TRY_ASSIGN(const Filter filter, filter_of(arguments));
  CO_TRY_ASSIGN(const std::uint64_t grace, number_argument(arguments, "grace_seconds", kDefaultGraceSeconds));
  if (filter.empty()) co_return base::fail(base::Code::invalid, "say which sessions: ids, a user or an address");
  const std::vector<Session> sessions = co_await chosen(api, filter);
  if (sessions.empty()) co_return base::fail(base::Code::not_found, "there is no such session");
  std::vector<std::uint64_t> ids;
  std::string text;
  for (const Session& session : sessions) {
    ids.push_back(session.info.id);
    if (text.size() < 1000) text += (text.empty() ? "" : " ") + std::to_string(session.info.id);
  }
  api.log().info("admin.sessions.closed", {{"count", ids.size()}, {"sessions", text}});
  const std::size_t cut =
      co_await api.settings().end_sessions(std::move(ids), std::chrono::seconds(std::min(grace, kMaxGraceSeconds)));
  const std::string number = std::to_string(sessions.size());
  co_return json::object{{"done", number + (sessions.size() == 1 ? " session is closed" : " sessions are closed")},
                         {"closed", sessions.size()},
                         {"cut", cut}};
}

net::Task<base::Result<json::object>> health(const Api& api, json::object) {
  if (!api.settings().status) co_return no_server();
  const Status status = api.settings().status();
  std::vector<std::string> wrong = complaints(api, status);
  const store::Usage usage = api.services().store.usage();
  const bool writes = api.services().store.accepts_writes();
  const auto queue = co_await api.services().delivery.queue().summary();
  if (!queue) wrong.push_back("the queue cannot be read: " + queue.error().text);
  json::object result{{"status", wrong.empty() ? "ok" : "degraded"},
                      {"hostname", api.settings().hostname},
                      {"version", api.settings().version},
                      {"pid", ::getpid()},
                      {"problems", json::array(wrong.begin(), wrong.end())}};
  if (!wrong.empty()) result["why"] = wrong.front();
  result["certificates"] = certificates_of(status);
  result["store"] = {{"writes", writes}, {"free_bytes", usage.free_bytes}, {"min_free_bytes", usage.min_free_bytes}};
  if (queue) {
    json::object waiting{{"messages", queue->messages}};
    if (queue->oldest) waiting["oldest"] = base::rfc3339(*queue->oldest);
    result["queue"] = std::move(waiting);
  }
  result["listeners"] = listeners_of(status);
  co_return result;
}

net::Task<base::Result<json::object>> stop(const Api& api, json::object) {
  if (!api.settings().stop) co_return no_server();
  api.log().info("admin.stop");
  api.settings().stop();
  co_return json::object{{"done", "the server is stopping"}, {"pid", ::getpid()}};
}

net::Task<base::Result<json::object>> reload(const Api& api, json::object) {
  if (!api.settings().reload) co_return base::fail(base::Code::unavailable, "no server is running");
  // It reads files and binds ports.
  CO_TRY_ASSIGN(const Reload done,
                co_await api.services().store.pool().run([&api] { return api.settings().reload(); }));
  std::string text;
  append(text, "changed", done.changed);
  append(text, "needs a restart", done.waiting);
  if (text.empty()) text = "nothing has changed";
  co_return json::object{{"done", text},
                         {"changed", json::array(done.changed.begin(), done.changed.end())},
                         {"needs_restart", json::array(done.waiting.begin(), done.waiting.end())}};
}

net::Task<base::Result<json::object>> version(const Api& api, json::object) {
  co_return json::object{{"done", api.settings().version}, {"version", api.settings().version}};
}

}  // namespace admin

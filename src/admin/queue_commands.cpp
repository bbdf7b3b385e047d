// Commands over the queue.
#include <algorithm>

#include "admin/commands.h"
#include "base/text.h"

namespace admin {

namespace {

constexpr std::uint64_t kMaxAgeSeconds = 100ull * 366 * 86'400;
constexpr std::uint64_t kDefaultListed = 1000;
constexpr std::uint64_t kMostListed = 100'000;
constexpr std::uint64_t kMostDomains = 1000;

base::Result<queue::Filter> filter_of(const Api& api, const json::object& arguments) {
  queue::Filter filter;
  TRY_ASSIGN(const auto ids, list_if(arguments, "ids"));
  for (const std::string& text : ids.value_or(std::vector<std::string>())) {
    const auto id = base::parse_u64(text);
    if (!id || *id == 0) {
      return base::fail(base::Code::invalid, "\"" + base::printable(text, 60) + "\" is no id of the queue");
    }
    filter.ids.push_back(base::QueueId{*id});
  }
  TRY_ASSIGN(filter.sender, optional_text(arguments, "sender"));
  TRY_ASSIGN(filter.recipient, optional_text(arguments, "recipient"));
  TRY_ASSIGN(const auto domain, text_if(arguments, "domain"));
  if (domain) {
    TRY_ASSIGN(filter.domain, directory::normalize_domain(*domain));
  }
  TRY_ASSIGN(const std::uint64_t older, number_argument(arguments, "older_seconds", 0));
  if (older > 0) {
    filter.created_before = api.services().clock.now() - std::chrono::seconds(std::min(older, kMaxAgeSeconds));
  }
  TRY_ASSIGN(const auto state, text_if(arguments, "state"));
  if (state) {
    filter.state = queue::parse_state(*state);
    if (!filter.state) {
      return base::fail(base::Code::invalid, "a state is broken, held, active, ready or waiting, not \"" +
                                                 base::printable(*state, 60) + "\"");
    }
  }
  return filter;
}

json::value time_or_null(const std::optional<base::WallTime>& time) {
  return time ? json::value(base::rfc3339(*time)) : json::value();
}

json::object recipient_of(const queue::RecipientView& view) {
  return {{"address", view.address},
          {"original", text_or_null(view.original)},
          {"domain", text_or_null(view.domain)},
          {"state", queue::name(view.state)},
          {"tries", view.tries},
          {"tried", time_or_null(view.tried)},
          {"next", time_or_null(view.next)},
          {"status", text_or_null(view.status)},
          {"host", text_or_null(view.host)},
          {"diagnostic", text_or_null(view.diagnostic)},
          {"reason", text_or_null(view.reason)}};
}

json::object entry_of(const queue::EntryView& entry) {
  json::array recipients;
  std::optional<base::WallTime> next;
  std::uint32_t tries = 0;
  for (const queue::RecipientView& one : entry.recipients) {
    recipients.push_back(json::string(one.address));
    tries = std::max(tries, one.tries);
    if (one.next && (!next || *one.next < *next)) next = one.next;
  }
  return {{"id", std::to_string(entry.id.value)},
          {"created", base::rfc3339(entry.created)},
          {"size", entry.size},
          {"sender", entry.sender},
          {"recipients", std::move(recipients)},
          {"state", queue::name(entry.state)},
          {"tries", tries},
          {"next", time_or_null(next)},
          {"reason", entry.reason}};
}

net::Task<base::Result<json::object>> change(const Api& api, json::object arguments, queue::Change what,
                                             const char* event, const char* done_text) {
  CO_TRY_ASSIGN(queue::Filter filter, filter_of(api, arguments));
  const bool all = flag_argument(arguments, "all");
  if (filter.empty() && !all) {
    co_return base::fail(base::Code::invalid,
                         "say which messages: ids, --sender, --recipient, --domain, --older, --state, or --all");
  }
  const bool by_id = !filter.ids.empty();
  CO_TRY_ASSIGN(const queue::Changed changed, co_await api.services().delivery.queue().change(std::move(filter), what));
  if (changed.entries == 0 && by_id)
    co_return base::fail(base::Code::not_found, "there is no such message in the queue");
  api.log().info(event, {{"messages", changed.entries}, {"recipients", changed.recipients}});
  co_return json::object{{"done", count(changed.entries, "message", "messages") + ", " +
                                      count(changed.recipients, "recipient", "recipients") + " " + done_text},
                         {"messages", changed.entries},
                         {"recipients", changed.recipients}};
}

}  // namespace

net::Task<base::Result<json::object>> queue_list(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(queue::Filter filter, filter_of(api, arguments));
  CO_TRY_ASSIGN(const std::uint64_t most, number_argument(arguments, "limit", kDefaultListed));
  CO_TRY_ASSIGN(const auto entries,
                co_await api.services().delivery.queue().list(
                    std::move(filter), static_cast<std::size_t>(std::clamp<std::uint64_t>(most, 1, kMostListed))));
  json::array list;
  for (const queue::EntryView& entry : entries) list.push_back(entry_of(entry));
  co_return json::object{{"queue", std::move(list)}};
}

net::Task<base::Result<json::object>> queue_show(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(const std::string id, text_argument(arguments, "id"));
  CO_TRY_ASSIGN(queue::Filter filter, filter_of(api, {{"ids", json::array{json::string(id)}}}));
  CO_TRY_ASSIGN(const auto entries, co_await api.services().delivery.queue().list(std::move(filter), 1));
  if (entries.empty()) co_return base::fail(base::Code::not_found, "there is no message " + id + " in the queue");
  const queue::EntryView& entry = entries.front();
  json::array recipients;
  for (const queue::RecipientView& one : entry.recipients) recipients.push_back(recipient_of(one));
  json::object shown = entry_of(entry);
  shown["recipients"] = std::move(recipients);
  shown["submitter"] = text_or_null(entry.submitter);
  shown["priority"] = entry.priority;
  shown["expires"] = base::rfc3339(entry.expires);
  co_return shown;
}

net::Task<base::Result<json::object>> queue_retry(const Api& api, json::object arguments) {
  return change(api, std::move(arguments), queue::Change::retry, "admin.queue.retry", "to be tried now");
}
net::Task<base::Result<json::object>> queue_hold(const Api& api, json::object arguments) {
  return change(api, std::move(arguments), queue::Change::hold, "admin.queue.hold", "held");
}
net::Task<base::Result<json::object>> queue_release(const Api& api, json::object arguments) {
  return change(api, std::move(arguments), queue::Change::release, "admin.queue.release", "released");
}
net::Task<base::Result<json::object>> queue_remove(const Api& api, json::object arguments) {
  return change(api, std::move(arguments), queue::Change::remove, "admin.queue.remove", "removed");
}

net::Task<base::Result<json::object>> queue_stats(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(const std::uint64_t top, number_argument(arguments, "top", 10));
  CO_TRY_ASSIGN(const queue::Stats stats,
                co_await api.services().delivery.queue().stats(static_cast<std::size_t>(std::min(top, kMostDomains))));
  json::array domains;
  for (const auto& one : stats.domains) {
    domains.push_back(json::object{{"domain", one.domain.empty() ? "(here)" : one.domain},
                                   {"recipients", one.recipients},
                                   {"bytes", one.bytes},
                                   {"oldest", base::rfc3339(one.oldest)},
                                   {"reason", one.reason}});
  }
  co_return json::object{{"messages", stats.messages},   {"bytes", stats.bytes},
                         {"broken", stats.broken},       {"held", stats.held},
                         {"active", stats.active},       {"ready", stats.ready},
                         {"waiting", stats.waiting},     {"paused_destinations", stats.paused_destinations},
                         {"domains", std::move(domains)}};
}

net::Task<base::Result<json::object>> trace(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(const std::string what, text_argument(arguments, "what"));
  CO_TRY_ASSIGN(const std::uint64_t most, number_argument(arguments, "limit", 20));
  CO_TRY_ASSIGN(const auto events,
                co_await api.services().delivery.queue().trace(
                    what, static_cast<std::size_t>(std::clamp<std::uint64_t>(most, 1, kDefaultListed))));
  if (events.empty()) {
    co_return base::fail(base::Code::not_found, "nothing is kept of \"" + base::printable(what, 100) + "\"");
  }
  json::array list;
  for (const queue::TraceEvent& one : events) {
    list.push_back(json::object{{"time", base::rfc3339(one.time)},
                                {"id", std::to_string(one.id.value)},
                                {"event", one.event},
                                {"address", text_or_null(one.recipient)},
                                {"status", text_or_null(one.status)},
                                {"host", text_or_null(one.host)},
                                {"host_address", text_or_null(one.address)},
                                {"tls", text_or_null(one.tls)},
                                {"diagnostic", text_or_null(one.diagnostic)},
                                {"text", text_or_null(one.text)}});
  }
  co_return json::object{{"events", std::move(list)}};
}

}  // namespace admin

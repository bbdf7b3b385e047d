// Commands over the store, the queue and the server itself.
#include <algorithm>

#include "admin/commands.h"

namespace admin {

namespace {

/// A store that is broken everywhere is not listed whole: what is above this is only counted.
constexpr std::size_t kMaxProblems = 10'000;

const char* role_name(mailstore::Role role) {
  static constexpr const char* kNames[] = {"", "inbox", "drafts", "sent", "junk", "trash", "archive"};
  return kNames[static_cast<std::size_t>(role)];
}

struct Findings {
  std::uint64_t bodies = 0;
  std::uint64_t problems = 0;
  json::array list;

  void add(const char* room, const store::Problem& problem) {
    ++problems;
    if (list.size() < kMaxProblems) {
      list.push_back(json::object{{"room", room}, {"where", problem.where}, {"what", problem.what}});
    }
  }
};

/// Each room walks what is its own. One that cannot go on is a finding too, and does not keep the others from theirs.
Findings check_all(const Services& services, const store::Reader& reader) {
  Findings findings;
  const auto reporter = [&findings](const char* room) {
    return [&findings, room](const store::Problem& problem) { findings.add(room, problem); };
  };
  const auto ended = [&findings](const char* room, const base::Result<void>& result) {
    if (!result) findings.add(room, {"all", "the check could not go on: " + result.error().text});
  };
  if (const auto bodies = services.store.check(reporter("store"))) {
    findings.bodies = *bodies;
  } else {
    findings.add("store", {"all", "the check could not go on: " + bodies.error().text});
  }
  ended("directory", services.directory.check(reader, reporter("directory")));
  ended("mailstore", services.mail.check(reader, reporter("mailstore")));
  ended("delivery", services.delivery.check(reader, reporter("delivery")));
  return findings;
}

}  // namespace

net::Task<base::Result<json::object>> queue_list(const Api& api, json::object) {
  CO_TRY_ASSIGN(const auto queue, co_await api.services().delivery.queue());
  json::array list;
  for (const delivery::QueueEntry& entry : queue) {
    list.push_back(json::object{{"id", std::to_string(entry.id.value)},
                                {"created", base::rfc3339(entry.created)},
                                {"size", entry.size},
                                {"sender", entry.sender},
                                {"recipients", json::array(entry.recipients.begin(), entry.recipients.end())},
                                {"reason", entry.reason}});
  }
  co_return json::object{{"queue", std::move(list)}};
}

net::Task<base::Result<json::object>> mailbox_list(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(const std::string address, text_argument(arguments, "account"));
  CO_TRY_ASSIGN(const auto account, co_await api.services().directory.account(address));
  if (!account) co_return base::fail(base::Code::not_found, "there is no account " + address);
  CO_TRY_ASSIGN(const auto all, co_await api.services().mail.mailboxes(account->id));
  json::array list;
  for (const mailstore::Mailbox& mailbox : all.mailboxes) {
    list.push_back(json::object{{"name", mailbox.name},
                                {"id", std::to_string(mailbox.id.value)},
                                {"role", role_name(mailbox.role)},
                                {"selectable", mailbox.selectable},
                                {"messages", mailbox.messages},
                                {"unseen", mailbox.unseen},
                                {"size", mailbox.size},
                                {"uid_validity", mailbox.uid_validity},
                                {"uid_next", mailbox.uid_next},
                                {"subscribed", std::ranges::binary_search(all.subscriptions, mailbox.name)}});
  }
  co_return json::object{{"mailboxes", std::move(list)}};
}

namespace {

/// The certificates, and what about them is the operator's business now: one that has expired, or is not there.
void show_certificates(const std::vector<Status::Certificate>& certificates, json::object& result) {
  json::array list;
  for (const Status::Certificate& one : certificates) {
    json::object shown{{"name", one.name},
                       {"names", json::array(one.names.begin(), one.names.end())},
                       {"file", one.file},
                       {"state", one.state}};
    if (one.not_after) shown["not_after"] = base::rfc3339(*one.not_after);
    if (!one.why.empty()) shown["why"] = one.why;
    list.push_back(std::move(shown));
    if (one.not_after && one.state != "expired") continue;
    result["status"] = "degraded";
    result["why"] =
        "the certificate " + one.file + (one.not_after ? " has expired" : " is " + one.state + ": " + one.why);
  }
  result["certificates"] = std::move(list);
}

}  // namespace

net::Task<base::Result<json::object>> health(const Api& api, json::object) {
  if (!api.settings().status) co_return base::fail(base::Code::unavailable, "no server is running");
  const Status status = api.settings().status();
  std::string why;
  const bool writes = api.services().store.accepts_writes(&why);
  json::object result{{"status", writes ? "ok" : "degraded"}, {"hostname", api.settings().hostname}};
  if (!writes) result["why"] = "the store takes no writes: " + why;
  show_certificates(status.certificates, result);
  json::array listeners;
  for (const Status::Listener& listener : status.listeners) {
    listeners.push_back(
        json::object{{"name", listener.name}, {"port", listener.port}, {"sessions", listener.sessions}});
  }
  result["listeners"] = std::move(listeners);
  co_return result;
}

net::Task<base::Result<json::object>> version(const Api& api, json::object) {
  co_return json::object{{"done", api.settings().version}, {"version", api.settings().version}};
}

net::Task<base::Result<json::object>> store_check(const Api& api, json::object) {
  const Services& services = api.services();
  CO_TRY_ASSIGN(Findings findings, co_await services.store.read([&services](const store::Reader& reader) {
    return base::Result<Findings>(check_all(services, reader));
  }));
  api.log().info("admin.store.checked", {{"bodies", findings.bodies}, {"problems", findings.problems}});
  co_return json::object{
      {"bodies", findings.bodies}, {"problem_count", findings.problems}, {"problems", std::move(findings.list)}};
}

}  // namespace admin

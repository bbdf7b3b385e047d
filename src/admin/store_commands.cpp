// Commands over the store.
#include <algorithm>

#include "admin/commands.h"
#include "base/text.h"

namespace admin {

namespace {

/// A store that is broken everywhere is not listed whole: what is above this is only counted.
constexpr std::size_t kMaxProblems = 10'000;

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
  ended("guard", services.guard.check(reader, reporter("guard")));
  ended("delivery", services.delivery.queue().check(reader, reporter("delivery")));
  return findings;
}

}  // namespace

net::Task<base::Result<json::object>> store_check(const Api& api, json::object) {
  const Services& services = api.services();
  CO_TRY_ASSIGN(Findings findings, co_await services.store.read([&services](const store::Reader& reader) {
    return base::Result<Findings>(check_all(services, reader));
  }));
  api.log().info("admin.store.checked", {{"bodies", findings.bodies}, {"problems", findings.problems}});
  co_return json::object{
      {"bodies", findings.bodies}, {"problem_count", findings.problems}, {"problems", std::move(findings.list)}};
}

net::Task<base::Result<json::object>> store_checkpoint(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(std::string directory, text_argument(arguments, "directory"));
  while (directory.size() > 1 && directory.ends_with('/')) directory.pop_back();
  if (!directory.starts_with('/') || directory.size() == 1 || directory.find('\0') != std::string::npos) {
    co_return base::fail(base::Code::invalid, "\"directory\" must be a whole path, beginning with /");
  }
  store::Store& store = api.services().store;
  const std::string name = api.settings().hostname;
  const auto made = co_await store.pool().run([&store, directory, name] {
    // So that commands that are given the directory alone know whose it is (docs/operations.md).
    return store.checkpoint(directory, {{.name = "hostname", .content = name + "\n"}});
  });
  if (!made) {
    api.log().error("admin.store.checkpoint.failed", {{"directory", directory}, {"why", made.error().text}});
    co_return std::unexpected(made.error());
  }
  api.log().info("admin.store.checkpoint", {{"directory", directory}});
  co_return json::object{{"done", "the checkpoint stands in " + directory}, {"directory", directory}};
}

net::Task<base::Result<json::object>> store_compact(const Api& api, json::object) {
  store::Store& store = api.services().store;
  const store::Usage before = store.usage();
  api.log().info("admin.store.compacting", {{"records", before.records_bytes}, {"bodies", before.bodies_bytes}});
  CO_TRY(co_await store.pool().run([&store] { return store.compact(); }));
  const store::Usage after = store.usage();
  api.log().info("admin.store.compacted", {{"records", after.records_bytes}, {"bodies", after.bodies_bytes}});
  co_return json::object{{"done", "the store is compacted"},
                         {"before_bytes", before.records_bytes + before.bodies_bytes},
                         {"after_bytes", after.records_bytes + after.bodies_bytes}};
}

}  // namespace admin

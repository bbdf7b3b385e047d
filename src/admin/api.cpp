#include "admin/api.h"

#include "admin/commands.h"
#include "base/text.h"

namespace admin {

namespace {

/// Of what a caller says of itself, at most.
constexpr std::size_t kMaxClaim = 64;

struct Request {
  const Command* command;
  json::object arguments;
  std::string claim;
};

base::Result<Request> parse_request(const std::string& text) {
  if (text.size() > kMaxRequestBytes) return base::fail(base::Code::too_large, "the request has more than 1 MiB");
  boost::system::error_code error;
  const json::value value = json::parse(text, error);  // depth 32 at most, by default
  const json::object* object = value.if_object();
  if (error || !object) return base::fail(base::Code::invalid, "the request is not a JSON object");
  const json::value* name = object->if_contains("command");
  if (!name || !name->is_string()) return base::fail(base::Code::invalid, "the request has no \"command\"");
  const Command* command = find_command(name->get_string());
  if (!command) {
    return base::fail(base::Code::unsupported,
                      "there is no command \"" + base::printable(name->get_string(), 100) + "\"");
  }
  const json::value* arguments = object->if_contains("arguments");
  if (arguments && !arguments->is_object()) return base::fail(base::Code::invalid, "\"arguments\" is not an object");
  Request request{command, arguments ? arguments->get_object() : json::object(), {}};
  if (const json::value* claim = object->if_contains("claim"); claim && claim->is_string()) {
    request.claim = base::printable(claim->get_string(), kMaxClaim);
  }
  for (const auto& [key, unused] : request.arguments) {
    if (!command->takes(key)) {
      return base::fail(base::Code::invalid,
                        "\"" + std::string(command->name) + "\" takes no \"" + base::printable(key, 100) + "\"");
    }
  }
  return request;
}

base::Log log_of(const base::Log& log, const Caller& caller) {
  if (caller.name.empty()) return log;
  if (caller.claim.empty()) return log.with({{"by", caller.name}});
  return log.with({{"by", caller.name}, {"claims", caller.claim}});
}

}  // namespace

std::string refusal(base::Code code, std::string_view text) {
  return json::serialize(json::object{{"ok", false}, {"code", base::name(code)}, {"error", text}});
}

Api::Api(Services services, Settings settings, base::Log log)
    : services_(services), settings_(std::move(settings)), log_(std::move(log)) {
  for (const Command& command : all_commands()) {
    calls_.push_back(log_.metrics().counter("postrider_admin_commands_total", "Commands through the admin socket.",
                                            {{"command", command.name}}));
  }
}

net::Task<std::string> Api::call(std::string text, Caller caller, std::shared_ptr<base::LogFollower>* follower) {
  std::string failure;
  try {
    auto request = parse_request(text);
    if (!request) co_return refusal(request.error().code, request.error().text);
    calls_[static_cast<std::size_t>(request->command - all_commands().data())].add();
    if (caller.claim.empty()) caller.claim = std::move(request->claim);
    Api as_caller = *this;
    as_caller.log_ = log_of(log_, caller);
    if (request->command->follow) {
      if (!follower) co_return refusal(base::Code::unsupported, "only a running server has a log to follow");
      auto lines = request->command->follow(as_caller, request->arguments);
      if (!lines) co_return refusal(lines.error().code, lines.error().text);
      *follower = *std::move(lines);
      co_return json::serialize(json::object{{"ok", true}, {"result", json::object()}});
    }
    auto result = co_await request->command->run(as_caller, std::move(request->arguments));
    if (!result) co_return refusal(result.error().code, result.error().text);
    co_return json::serialize(json::object{{"ok", true}, {"result", *std::move(result)}});
  } catch (const std::exception& error) {
    failure = error.what();
  }
  log_.error("admin.command.failed", {{"why", failure}});
  co_return refusal(base::Code::unavailable, "the command failed inside: " + failure);
}

std::vector<std::string_view> commands() {
  std::vector<std::string_view> names;
  for (const Command& command : all_commands()) names.push_back(command.name);
  return names;
}

}  // namespace admin

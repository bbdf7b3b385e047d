#include "smtp/metrics.h"

#include <string>

#include "smtp/table.h"

namespace smtp {

namespace {

const char* name(Service service) {
  switch (service) {
    case Service::mx:
      return "mx";
    case Service::submission:
      return "submission";
    case Service::lmtp:
      break;
  }
  return "lmtp";
}

Metrics::Outcomes outcomes(const base::Metrics& registry, Service service, std::string_view of, std::string_view help) {
  const auto counter = [&](std::string_view result) {
    return registry.counter(of, help, {{"service", name(service)}, {"result", result}});
  };
  return {.accepted = counter("accepted"), .deferred = counter("deferred"), .refused = counter("refused")};
}

}  // namespace

Metrics::Metrics(const base::Metrics& registry, Service service)
    : messages(
          outcomes(registry, service, "postrider_smtp_messages_total", "Messages whose content came, by the answer.")),
      recipients(outcomes(registry, service, "postrider_smtp_recipients_total", "RCPT commands, by the answer.")),
      logins(outcomes(registry, service, "postrider_smtp_logins_total", "AUTH exchanges that came to an end, by it.")),
      message_bytes(registry.histogram("postrider_smtp_message_bytes", "Size of the messages that were accepted.",
                                       base::kBytesBounds, {{"service", name(service)}})),
      tls(registry) {
  const auto counter = [&](std::string_view verb) {
    return registry.counter("postrider_smtp_commands_total", "Commands, by verb; what is no verb of ours is unknown.",
                            {{"service", name(service)}, {"verb", verb}});
  };
  for (const VerbRow& row : kVerbs) commands.push_back(counter(row.name));
  commands.push_back(counter("unknown"));
}

void Metrics::Outcomes::count(const Reply& reply) const {
  (reply.code < 400 ? accepted : reply.code < 500 ? deferred : refused).add();
}

void Metrics::count_command(const VerbRow* row) const {
  if (commands.empty()) return;
  commands[row ? static_cast<std::size_t>(row - kVerbs.data()) : kVerbs.size()].add();
}

}  // namespace smtp

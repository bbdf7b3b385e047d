#include "imap/metrics.h"

#include <string>

#include "imap/table.h"

namespace imap {

Metrics::Metrics(const base::Metrics& registry)
    : malformed(registry.counter("postrider_imap_malformed_commands_total", "Commands that could not be read.")),
      bytes_in(registry.counter("postrider_imap_received_bytes_total", "Bytes from clients, TLS apart.")),
      bytes_out(registry.counter("postrider_imap_sent_bytes_total", "Bytes to clients, TLS apart.")),
      tls(registry) {
  const auto command = [&registry](std::string_view verb, std::string_view result) {
    return registry.counter("postrider_imap_commands_total", "Commands, by verb and answer.",
                            {{"verb", verb}, {"result", result}});
  };
  for (const Verb& verb : verbs()) {
    commands.push_back(
        {.ok = command(verb.name, "ok"), .no = command(verb.name, "no"), .bad = command(verb.name, "bad")});
  }
  const auto login = [&registry](std::string_view result) {
    return registry.counter("postrider_imap_logins_total", "Logins with a name and a password, by the answer.",
                            {{"result", result}});
  };
  logins_accepted = login("accepted");
  logins_refused = login("refused");
  logins_deferred = login("deferred");
}

void Metrics::count_command(const Verb& verb, Reply::Kind result) const {
  if (commands.empty()) return;
  const Results& results = commands[static_cast<std::size_t>(&verb - verbs().data())];
  (result == Reply::Kind::ok ? results.ok : result == Reply::Kind::no ? results.no : results.bad).add();
}

}  // namespace imap

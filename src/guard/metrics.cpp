#include "guard/metrics.h"

namespace guard {

Metrics::Metrics(const base::Metrics& registry)
    : banned_connections(registry.counter("postrider_banned_connections_total",
                                          "Connections that were turned away because their network is banned.")),
      wrong_passwords(registry.counter("postrider_wrong_passwords_total",
                                       "Wrong passwords and proofs, repetitions of the same guess apart.")),
      bans(registry.gauge("postrider_bans", "Networks that are banned at this moment or were lately.")),
      evicted(registry.total("postrider_limits_forgotten_total",
                             "Clients that were forgotten within their minute because there were too many.")) {
  for (std::size_t what = 0; what < kWhats; ++what) {
    for (std::size_t scope = 0; scope < limits[what].size(); ++scope) {
      limits[what][scope] = registry.counter(
          "postrider_limits_reached_total", "What was put off because a limit of the minute was reached.",
          {{"what", name(static_cast<What>(what))}, {"scope", name(static_cast<Scope>(scope))}});
    }
  }
  const auto by = [&](std::string_view who) {
    return registry.counter("postrider_bans_total", "Bans that were made, by whom.", {{"by", who}});
  };
  bans_by_guessing = by("wrong_passwords");
  bans_by_operator = by("operator");
  const auto day = [&](std::string_view of) {
    return registry.counter("postrider_day_limits_reached_total",
                            "Messages that were put off because their account has sent what it may in a day.",
                            {{"of", of}});
  };
  days_messages = day("messages");
  days_new_recipients = day("new_recipients");
}

}  // namespace guard

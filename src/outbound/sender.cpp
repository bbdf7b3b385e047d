#include "outbound/sender.h"

#include <algorithm>

#include "base/text.h"
#include "outbound/outcome.h"
#include "outbound/run_command.h"

namespace outbound {

namespace {

using net::Task;

/// Sessions that may refuse or defer the same recipients in one attempt: another MX host of a domain hardly ever says
/// something else than the first.
constexpr std::size_t kMaxSessions = 2;

std::string key_of(const Destination& destination, bool optional) {
  std::string key = destination.domain;
  const auto add = [&key](std::string_view part) {
    key += '\n';
    key += part;
  };
  for (const RouteHost& host : destination.hosts) add(host.name + "|" + std::to_string(host.port) + "|" + host.path);
  add(destination.lmtp ? "lmtp" : "smtp");
  add(std::to_string(static_cast<int>(destination.tls)) + (optional ? "o" : ""));
  add(destination.user);
  add(destination.password);
  for (const std::string& source : destination.source_address) add(source);
  add(destination.helo);
  return key;
}

}  // namespace

Metrics::Metrics(const base::Metrics& registry) {
  const auto connections = [&registry](std::string_view result) {
    return registry.counter("postrider_outbound_connections_total",
                            "Connections to other hosts, by what became of them.", {{"result", result}});
  };
  opened = connections("opened");
  failed = connections("failed");
  reused = connections("reused");
  const auto recipients = [&registry](std::string_view result) {
    return registry.counter("postrider_outbound_recipients_total",
                            "Recipients of attempts to send, by what became of them.", {{"result", result}});
  };
  delivered = recipients("delivered");
  deferred = recipients("deferred");
  refused = recipients("failed");
  const auto tls = [&registry](std::string_view result) {
    return registry.counter("postrider_outbound_tls_total", "Connections to other hosts, by how safe they are.",
                            {{"tls", result}});
  };
  plain = tls("none");
  encrypted = tls("encrypted");
  verified = tls("verified");
}

struct Sender::Job {
  const Destination& destination;
  const Message* message = nullptr;  // nothing: only asks
  std::string sender;
  const std::function<bool()>& may_commit;
  base::SteadyTime deadline;
  base::Log log;
  std::vector<Pending> pending;  // without those that are settled
  std::vector<Outcome> outcomes;
  bool over = false;  // nobody may be tried elsewhere now
  bool optional = false;
  std::vector<std::string> heard;  // hosts that were asked
  std::optional<Outcome> problem;  // what stands for who is left without an outcome

  bool late() const { return std::chrono::steady_clock::now() >= deadline; }
  bool goes_on() const { return !pending.empty() && !over && heard.size() < kMaxSessions && !late(); }

  void trouble(const Outcome& next) { problem = problem ? worse(*problem, next) : next; }

  /// Takes what a transaction said: settled recipients leave, deferred ones keep what was said.
  void take(TransactionResult result) {
    if (result.problem) trouble(*result.problem);
    over = over || result.final;
    for (Pending& one : pending) {
      if (one.outcome) outcomes[one.index] = *one.outcome;
    }
    std::erase_if(pending, [](const Pending& one) { return one.outcome && one.outcome->verdict != Verdict::deferred; });
  }

  void close() {
    const char* const why = late() ? "the time for the attempt was over before a host had been reached"
                                   : "no host of the destination could be reached";
    for (Pending& one : pending) {
      if (one.outcome) continue;  // the host's own word for it
      outcomes[one.index] = problem ? *problem : out_of_reach("4.4.1", why);
    }
  }
};

struct Sender::Journey {
  Targets targets;
  DomainPolicy policy;
  std::size_t addresses_tried = 0;
};

Sender::Sender(Services services, Config config, std::shared_ptr<const tls::Client> tls, std::string trusted,
               base::Log log)
    : services_(services),
      config_(std::move(config)),
      tls_(std::move(tls)),
      log_(std::move(log)),
      metrics_(log_.metrics()),
      shelf_(config_.max_idle, config_.idle_timeout),
      fetcher_(std::move(trusted)),
      sts_(services_, config_, fetcher_, log_),
      ledger_(services_, config_, fetcher_, log_) {
  if (services_.loop != nullptr) services_.loop->spawn(keep_house(), log_);
}

Sender::~Sender() { net::run(ledger_.flush()); }

Task<std::vector<Outcome>> Sender::send(Destination destination, Message message,
                                        std::vector<smtp::Recipient> recipients, std::function<bool()> may_commit,
                                        base::SteadyTime deadline, base::Log log) {
  Job job{.destination = destination,
          .message = &message,
          .sender = message.envelope.sender,
          .may_commit = may_commit,
          .deadline = deadline,
          .log = std::move(log),
          .optional = message.tls_optional};
  job.outcomes.resize(recipients.size());
  for (std::size_t i = 0; i < recipients.size(); ++i) {
    job.pending.push_back({.recipient = std::move(recipients[i]), .index = i});
  }
  co_await work(job);
  co_return std::move(job.outcomes);
}

Task<Outcome> Sender::verify(Destination destination, std::string sender, std::string recipient,
                             base::SteadyTime deadline, base::Log log) {
  static const std::function<bool()> kNever = [] { return false; };
  Job job{.destination = destination,
          .sender = std::move(sender),
          .may_commit = kNever,
          .deadline = deadline,
          .log = std::move(log)};
  job.outcomes.resize(1);
  job.pending.push_back({.recipient = {.address = std::move(recipient)}});
  co_await work(job);
  co_return std::move(job.outcomes.front());
}

Task<void> Sender::work(Job& job) {
  if (job.pending.empty()) co_return;
  if (job.destination.pipe.command.empty()) {
    const std::string key = key_of(job.destination, job.optional);
    co_await over_waiting(job, key);
    if (job.goes_on()) co_await over_hosts(job, key);
  } else {
    co_await to_command(job);
  }
  job.close();
  for (const Outcome& outcome : job.outcomes) {
    (outcome.verdict == Verdict::delivered  ? metrics_.delivered
     : outcome.verdict == Verdict::deferred ? metrics_.deferred
                                            : metrics_.refused)
        .add();
  }
}

/// A run for each recipient.
Task<void> Sender::to_command(Job& job) {
  for (Pending& one : job.pending) {
    if (job.late()) co_return;
    if (job.message == nullptr) {
      one.outcome = deferred("4.3.0", "a command cannot be asked for recipients");
    } else {
      one.outcome = co_await run_command(services_, job.destination.pipe, *job.message, one.recipient.address,
                                         job.may_commit, job.deadline);
    }
    job.outcomes[one.index] = *one.outcome;
  }
}

/// First over a connection that waits for more. When it turns out to be dead it is as if it had not been there.
Task<void> Sender::over_waiting(Job& job, const std::string& key) {
  while (auto session = co_await shelf_.take(key)) {
    metrics_.reused.add();
    if (co_await over_session(job, key, std::move(session))) co_return;
  }
}

Task<void> Sender::over_hosts(Job& job, const std::string& key) {
  Journey journey;
  journey.targets = co_await find_targets(services_.resolver, config_, job.destination, job.deadline);
  if (journey.targets.problem) co_return job.trouble(*journey.targets.problem);
  journey.policy = co_await domain_policy(job.destination, journey.targets, job.deadline);
  for (const Target& target : journey.targets.hosts) {
    if (!job.goes_on() || journey.addresses_tried >= config_.max_addresses) co_return;
    // Over a connection that had waited.
    if (std::ranges::find(job.heard, target.name) != job.heard.end()) continue;
    co_await at_host(job, key, journey, target);
  }
}

Task<void> Sender::at_host(Job& job, const std::string& key, Journey& journey, const Target& target) {
  const Destination& destination = job.destination;
  Addresses addresses;
  if (target.path.empty()) {
    addresses = co_await find_addresses(services_.resolver, config_, target, destination.source_address, job.deadline);
  } else {
    addresses.list = {std::string()};
  }
  if (addresses.problem) co_return job.trouble(*addresses.problem);
  const Decision decision = co_await decide(services_.resolver, config_, destination, journey.targets, target,
                                            addresses, journey.policy, job.optional, job.deadline);
  if (decision.problem) {
    if (journey.targets.by_mx) {
      const TlsResult result = decision.dnssec_failed ? TlsResult::dnssec_invalid : TlsResult::validation_failure;
      count(destination.domain, decision.security, journey.policy,
            {.result = result, .host = target.name, .why = decision.problem->text});
    }
    job.log.info("outbound.host.refused", {{"host", target.name}, {"why", decision.problem->text}});
    co_return job.trouble(*decision.problem);
  }
  if (decision.unlisted) {
    count(destination.domain, decision.security, journey.policy,
          {.result = TlsResult::validation_failure, .host = target.name, .why = "not among the policy's MX hosts"});
  }
  for (const std::string& address : addresses.list) {
    if (job.late() || journey.addresses_tried++ >= config_.max_addresses) co_return;
    Opened opened = co_await open_session(
        config_, tls_, services_.store.pool(),
        opening(destination, journey.targets, journey.policy, target, address, decision.security, job.deadline),
        job.log);
    if (!opened.session) {
      metrics_.failed.add();
      job.log.info("outbound.connect.failed",
                   {{"host", target.name}, {"address", address}, {"why", opened.problem->text}});
      job.trouble(*opened.problem);
      continue;
    }
    metrics_.opened.add();
    (opened.session->verified    ? metrics_.verified
     : opened.session->encrypted ? metrics_.encrypted
                                 : metrics_.plain)
        .add();
    // The other addresses are the same host's: it has spoken.
    (void)co_await over_session(job, key, std::move(opened.session));
    co_return;
  }
}

/// True when it did what it could for everybody.
Task<bool> Sender::over_session(Job& job, const std::string& key, std::unique_ptr<Session> session) {
  session->client->set_limit(job.deadline);
  std::size_t most = config_.max_recipients;
  if (const auto limit = session->client->extensions().max_recipients; limit > 0)
    most = std::min<std::size_t>(most, limit);
  const std::string host = session->host;
  bool usable = true;
  bool alive = true;
  std::size_t done = 0;
  while (done < job.pending.size() && usable && !job.over) {
    const auto group = std::span(job.pending).subspan(done, std::min(most, job.pending.size() - done));
    for (Pending& one : group) one.outcome.reset();
    TransactionResult result;
    if (job.message != nullptr) {
      const Delivery delivery{.message = *job.message, .may_commit = job.may_commit, .clock = services_.clock};
      result = co_await transact(*session, delivery, group);
    } else {
      result = co_await ask(*session, job.sender, group);
    }
    const bool unheard = std::ranges::none_of(group, [](const Pending& one) { return one.outcome.has_value(); });
    // A connection that died while it waited says nothing about the host.
    if (session->reused && !result.usable && !result.final && unheard && result.problem &&
        result.problem->destination_down) {
      co_return false;
    }
    usable = result.usable;
    alive = result.alive;
    if (result.spoke && (job.heard.empty() || job.heard.back() != host)) job.heard.push_back(host);
    const std::size_t before = job.pending.size();
    const std::size_t size = group.size();
    job.take(std::move(result));
    done += size - (before - job.pending.size());
  }
  if (!usable) {
    if (alive) dismiss(std::move(session));
    co_return true;
  }
  const auto most_messages = session->client->extensions().max_messages;
  const bool full =
      session->messages >= config_.max_messages || (most_messages > 0 && session->messages >= most_messages);
  if (full || config_.idle_timeout.count() == 0) {
    dismiss(std::move(session));
  } else {
    shelf_.put(key, std::move(session));
  }
  co_return true;
}

}  // namespace outbound

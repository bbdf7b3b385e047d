#include "delivery/delivery.h"

#include "base/text.h"
#include "delivery/room.h"
#include "delivery/sink.h"
#include "delivery/submission.h"
#include "delivery/taken.h"
#include "directory/exchange.h"
#include "queue/route.h"
#include "smtp/parameters.h"

namespace delivery {
namespace {

/// Who is meant by an address that was written to. Every look-up begins with it.
std::string meant(const Config& config, std::string address) {
  return rewritten(config.rewrite_recipients, address).value_or(std::move(address));
}

smtp::User user_of(const directory::Identity& identity) {
  return {.account = identity.account,
          .address = identity.address,
          .version = identity.credential_version,
          .expires = identity.expires,
          .generation = identity.generation};
}

directory::Identity identity_of(const smtp::User& user) {
  return {.account = user.account,
          .address = user.address,
          .quota = {},
          .credential_version = user.version,
          .expires = user.expires,
          .generation = user.generation};
}

class Service : public Delivery {
 public:
  Service(std::unique_ptr<queue::Queue> queue, Context context)
      : queue_(std::move(queue)), context_(std::move(context)) {}

  net::Task<base::Result<smtp::LoginStep>> authenticate(std::shared_ptr<sasl::Mechanism> mechanism,
                                                        std::string response, smtp::Peer peer) override {
    CO_TRY_ASSIGN(auto step,
                  co_await directory::take_response(context_.directory, std::move(mechanism), std::move(response),
                                                    {.protocol = "smtp", .address = peer.endpoints.peer_address}));
    if (auto* challenge = std::get_if<sasl::Challenge>(&step)) co_return std::move(*challenge);
    co_return user_of(std::get<directory::Identity>(step));
  }

  net::Task<base::Result<smtp::User>> recheck(smtp::User user) override {
    if (user.generation == context_.directory.generation() && context_.clock.now() < user.expires) co_return user;
    CO_TRY_ASSIGN(const auto identity, co_await context_.directory.recheck(identity_of(user)));
    co_return user_of(identity);
  }

  net::Task<base::Result<void>> check_sender(const smtp::User* user, std::string sender, smtp::Peer peer) override {
    if (peer.local && !sender.empty() && !may_send_locally(*context_.config.get(), *peer.local, sender)) {
      co_return base::fail(base::Code::denied, "the user " + peer.local->name + " may not send as " + sender);
    }
    // The null sender is everybody's: a mail program sends its read receipts with it (RFC 8098 §3).
    if (user == nullptr || sender.empty() || base::iequals(sender, user->address)) co_return base::Result<void>();
    CO_TRY_ASSIGN(const bool own, co_await context_.directory.may_send_as(identity_of(*user), sender));
    if (!own) co_return base::fail(base::Code::denied, sender + " is not an address of " + user->address);
    co_return base::Result<void>();
  }

  net::Task<base::Result<void>> check_recipient(const smtp::User* user, std::string sender, std::string recipient,
                                                smtp::Peer peer) override;

  net::Task<base::Result<std::vector<std::string>>> look_up(std::string address) override {
    CO_TRY_ASSIGN(auto route, co_await context_.directory.route(meant(*context_.config.get(), std::move(address))));
    std::vector<std::string> addresses;
    for (directory::Account& account : route.accounts) addresses.push_back(std::move(account.address));
    for (directory::Route::Remote& remote : route.remotes) addresses.push_back(std::move(remote.address));
    co_return addresses;
  }

  net::Task<base::Result<std::unique_ptr<smtp::Sink>>> begin(smtp::Envelope envelope, std::optional<smtp::User> user,
                                                             smtp::Peer peer, base::Log log) override {
    // What was granted at MAIL may have been withdrawn since.
    if (user) CO_TRY(co_await check_sender(&*user, envelope.sender, peer));
    std::string why;
    const auto config = context_.config.get();
    for (smtp::Recipient& recipient : envelope.recipients) {
      if (std::string who = meant(*config, recipient.address); who != recipient.address) {
        // RFC 3461 §5.2.1 (d): so that reports name who was written to.
        const bool ascii = std::ranges::all_of(recipient.address, [](char c) { return c >= 0; });
        if (recipient.orcpt.empty() && ascii) recipient.orcpt = "rfc822;" + smtp::xtext_encode(recipient.address);
        recipient.address = std::move(who);
      }
      auto to = context_.queue.relayed(recipient.address);
      recipient.elsewhere = to.has_value();
      if (to) recipient.address = *std::move(to);
    }
    // Rather now than behind 25 MiB that nobody can keep.
    if (!context_.store.accepts_writes(&why)) co_return base::fail(base::Code::no_space, std::move(why));
    // Of users, not of other hosts: their way here is for others to see (RFC 5321 §4.4).
    if (user || peer.local) peer.hidden = peer.hidden || config->hide_clients;
    co_return make_sink(context_, std::move(envelope), std::move(user), peer, std::move(log));
  }

  net::Task<base::Result<std::optional<base::QueueId>>> taken(std::string once) override {
    co_return co_await context_.store.read(
        [once = std::move(once)](const store::Reader& reader) { return find_taken(reader, once); });
  }

  net::Task<base::Result<void>> forget_taken(std::vector<std::string> present, base::WallTime before) override {
    std::vector<store::Owner> owners{store::Owner::of(base::QueueId{})};
    co_return co_await context_.store.write(
        std::move(owners), [&](store::Txn& tx) { return remove_taken(tx, present, before); }, store::Kind::frees_space);
  }

  queue::Queue& queue() override { return *queue_; }

 private:
  net::Task<base::Result<bool>> has_room(directory::Account account);
  net::Task<base::Result<void>> may_write_to(base::AccountId account, std::string recipient);

  const std::unique_ptr<queue::Queue> queue_;
  const Context context_;
  Room room_;
};

net::Task<base::Result<void>> Service::check_recipient(const smtp::User* user, std::string sender,
                                                       std::string recipient, smtp::Peer peer) {
  const bool anywhere = user != nullptr || peer.relays;
  const auto now = context_.config.get();
  recipient = meant(*now, std::move(recipient));
  const auto relayed = context_.queue.relayed(recipient);
  // What comes back to who wrote to an alias that sends on.
  if (relayed && *relayed != recipient) co_return context_.queue.room_for({});
  const auto route = co_await context_.directory.route(anywhere ? queue::of_machine(now->queue, recipient) : recipient);
  if (!route) {
    if (route.error().code != base::Code::denied) co_return std::unexpected(route.error());
    // What is not ours is taken from our users, and from the networks that are listed for it.
    if (anywhere) CO_TRY(context_.queue.room_for(user != nullptr ? user->account : base::AccountId{}));
    if (user != nullptr) co_return co_await may_write_to(user->account, std::move(recipient));
    if (anywhere) co_return base::Result<void>();
    if (relayed) {
      CO_TRY(co_await context_.queue.verify(recipient));
      co_return context_.queue.room_for({});
    }
    co_return base::fail(base::Code::unsupported, route.error().text);
  }
  if (route->posting != directory::Posting::anyone) {
    const auto as = user != nullptr ? std::optional(identity_of(*user)) : std::nullopt;
    CO_TRY_ASSIGN(const bool may, co_await context_.directory.may_post(as, sender, recipient));
    if (!may) co_return base::fail(base::Code::denied, sender + " may not post to " + route->list);
  }
  // An alias is full, or suspended, when all behind it are: those that are not shall have the mail.
  if (!route->remotes.empty()) co_return base::Result<void>();
  bool full = false;
  for (const directory::Account& account : route->accounts) {
    if (account.state == directory::State::suspended) continue;
    CO_TRY_ASSIGN(const bool room, co_await has_room(account));
    if (room) co_return base::Result<void>();
    full = true;
  }
  if (full) co_return base::fail(base::Code::over_quota, recipient + " is full");
  co_return base::fail(base::Code::suspended, recipient + " is suspended");
}

/// The day is counted by the commit; here only those are refused that it is certain to refuse.
net::Task<base::Result<void>> Service::may_write_to(base::AccountId account, std::string recipient) {
  const auto spent = context_.guard != nullptr ? context_.guard->spent(account) : std::nullopt;
  if (!spent || spent->of != guard::Spent::Of::new_recipients || !spent->none_left) co_return base::Result<void>();
  CO_TRY_ASSIGN(const bool known, co_await context_.guard->knows(account, std::move(recipient)));
  if (known) co_return base::Result<void>();
  co_return base::fail(base::Code::busy, "the account has written to as many new recipients as it may in a day");
}

net::Task<base::Result<bool>> Service::has_room(directory::Account account) {
  const base::Quota& quota = account.quota;
  if (quota == base::Quota() || room_.plenty(account.id, context_.clock.steady())) co_return true;
  const auto usage = co_await context_.mail.usage(account.id);
  if (!usage) {
    // A broken record of this account is found, and queued for, by the commit.
    if (usage.error().code == base::Code::corrupt) co_return true;
    co_return std::unexpected(usage.error());
  }
  const std::uint64_t messages = usage->messages + usage->copies;
  const auto below = [](std::uint64_t used, std::uint64_t limit, std::uint64_t kept) {
    return limit == 0 || used < limit - kept;
  };
  if (below(usage->bytes, quota.bytes, quota.bytes / 10) && below(messages, quota.messages, quota.messages / 10)) {
    room_.has_plenty(account.id, context_.clock.steady());
    co_return true;
  }
  room_.has_little(account.id);
  co_return below(usage->bytes, quota.bytes, 0) && below(messages, quota.messages, 0);
}

}  // namespace

std::vector<store::TableName> tables() {
  auto all = queue::tables();
  all.push_back({kTaken.id, kTaken.name});
  return all;
}

std::unique_ptr<Delivery> open(store::Store& store, directory::Directory& directory, mailstore::Mailstore& mail,
                               const base::Clock& clock, base::Log log, const base::Live<Config>& config,
                               guard::Guard* guard) {
  const Metrics metrics(log.metrics());
  auto queue = queue::open(store, directory, mail, clock, log, [&config] {
    const auto now = config.get();
    return std::shared_ptr<const queue::Config>(now, &now->queue);
  });
  Context context{store, directory, mail, *queue, clock, std::move(log), config, metrics, guard};
  return std::make_unique<Service>(std::move(queue), std::move(context));
}

}  // namespace delivery

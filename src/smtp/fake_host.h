#pragma once
// A Host for tests: knows example.test, keeps what it accepted, and refuses by the names of addresses. For tests only.
//
//   nobody@example.test  no such user         full@…      over quota           later@…  unavailable
//   loop@…               accept: a mail loop  strict@…    accept: invalid      late@…   accept: unavailable
//   staff@…              our users only; look_up: u1 and u2, other addresses are themselves
//   away@…               suspended            brim@… accept, where each is answered: over quota, alone
//   nospace@…            begin: no space      anything elsewhere: relaying, for users and relays only
//   login u1@example.test / secret; it may send as u1@example.test

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "sasl/test_secrets.h"
#include "smtp/host.h"

namespace smtp {

class FakeHost : public Host {
 public:
  struct Message {
    Envelope envelope;
    std::string content;
    std::string user;
    std::string helo;
    friend bool operator==(const Message& a, const Message& b) {
      return a.content == b.content && a.envelope.sender == b.envelope.sender &&
             a.envelope.recipients == b.envelope.recipients && a.user == b.user;
    }
  };
  std::vector<Message> accepted;
  bool login_ended = false;  // recheck() denies from now on
  std::uint64_t largest_write = 0;

  net::Task<base::Result<LoginStep>> authenticate(std::shared_ptr<sasl::Mechanism> mechanism, std::string response,
                                                  Peer) override {
    CO_TRY_ASSIGN(auto outcome, mechanism->respond(response));
    if (const auto* question = std::get_if<sasl::Question>(&outcome)) {
      CO_TRY_ASSIGN(outcome, mechanism->resume(sasl::test::secrets(*question, "u1@example.test", "secret")));
    }
    if (auto* challenge = std::get_if<sasl::Challenge>(&outcome)) co_return std::move(*challenge);
    const auto* claimed = std::get_if<sasl::Credentials>(&outcome);
    const std::string& user = mechanism->user();
    if (user == "busy@example.test") co_return base::fail(base::Code::busy, "busy");
    if (user != "u1@example.test" || (claimed != nullptr && claimed->password != "secret")) {
      co_return base::fail(base::Code::denied, "wrong");
    }
    if (claimed != nullptr && !sasl::is_self(claimed->authorize_as, user)) {
      co_return base::fail(base::Code::unsupported, "for another");
    }
    co_return User{.account = {1}, .address = user};
  }
  net::Task<base::Result<User>> recheck(User user) override {
    if (login_ended) co_return base::fail(base::Code::denied, "ended");
    co_return user;
  }
  net::Task<base::Result<void>> check_sender(const User* user, std::string sender, Peer) override {
    if (user != nullptr && !sender.empty() && sender != user->address) co_return base::fail(base::Code::denied, "not");
    if (sender == "later@example.org") co_return base::fail(base::Code::unavailable, "later");
    co_return base::Result<void>();
  }
  net::Task<base::Result<void>> check_recipient(const User* user, std::string, std::string recipient,
                                                Peer peer) override {
    const bool local = recipient.ends_with("@example.test") || recipient == "postmaster";
    if (!local && user == nullptr && !peer.relays) co_return base::fail(base::Code::unsupported, "relay");
    if (recipient == "nobody@example.test") co_return base::fail(base::Code::not_found, "nobody");
    if (recipient == "staff@example.test" && user == nullptr) co_return base::fail(base::Code::denied, "members only");
    if (recipient == "away@example.test") co_return base::fail(base::Code::suspended, "suspended");
    if (recipient == "full@example.test") co_return base::fail(base::Code::over_quota, "full");
    if (recipient == "later@example.test") co_return base::fail(base::Code::unavailable, "later");
    co_return base::Result<void>();
  }
  net::Task<base::Result<std::vector<std::string>>> look_up(std::string address) override {
    if (!address.ends_with("@example.test")) co_return base::fail(base::Code::denied, "elsewhere");
    if (address == "nobody@example.test") co_return base::fail(base::Code::not_found, "nobody");
    if (address == "staff@example.test") co_return std::vector<std::string>{"u1@example.test", "u2@example.test"};
    co_return std::vector<std::string>{address};
  }
  net::Task<base::Result<std::unique_ptr<Sink>>> begin(Envelope envelope, std::optional<User> user, Peer peer,
                                                       base::Log) override {
    if (envelope.recipients[0].address == "nospace@example.test")
      co_return base::fail(base::Code::no_space, "full disk");
    std::unique_ptr<Sink> sink =
        std::make_unique<Keep>(*this, Message{std::move(envelope), {}, user ? user->address : "", peer.helo});
    co_return sink;
  }

 private:
  class Keep : public Sink {
   public:
    Keep(FakeHost& host, Message message) : host_(host), message_(std::move(message)) {}
    net::Task<base::Result<void>> write(std::string_view bytes) override {
      host_.largest_write = std::max<std::uint64_t>(host_.largest_write, bytes.size());
      message_.content += bytes;
      co_return base::Result<void>();
    }
    net::Task<base::Result<Accepted>> accept() override {
      const std::string& first = message_.envelope.recipients[0].address;
      if (first == "loop@example.test") co_return base::fail(base::Code::conflict, "loop");
      if (first == "strict@example.test") co_return base::fail(base::Code::invalid, "No \xC3\xA9 thanks");
      if (first == "late@example.test") co_return base::fail(base::Code::unavailable, "late");
      std::vector<std::optional<base::Error>> refused;
      if (message_.envelope.answer_each) refused = refusals();
      const bool any =
          refused.empty() || !std::ranges::all_of(refused, [](const auto& why) { return why.has_value(); });
      if (any) host_.accepted.push_back(std::move(message_));
      co_return Accepted{std::to_string(host_.accepted.size()), std::move(refused)};
    }

   private:
    std::vector<std::optional<base::Error>> refusals() const {
      std::vector<std::optional<base::Error>> refused;
      for (const Recipient& recipient : message_.envelope.recipients) {
        const bool full = recipient.address == "brim@example.test";
        refused.push_back(full ? std::optional(base::Error{base::Code::over_quota, "full"}) : std::nullopt);
      }
      return refused;
    }

    FakeHost& host_;
    Message message_;
  };
};

}  // namespace smtp

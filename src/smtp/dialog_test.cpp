// Every conversation of tests/dialogs/smtp: in lock-step, whole, one byte at a time, and cut off at every byte.
// Options: service submission or lmtp | trusted | relay | tls (as if on from the start) | certificate | limit BYTES |
// recipients N | messages N | errors N | vrfy known or everybody | mechanisms NAME... (of AUTH) | client ADDRESS (in
// its certificate) | extension NAME (the row of the extension table that it shows) | policy (what is odd about a
// stranger is refused) | of a client within a minute: rate-messages N, rate-recipients N, rate-errors N; guesses N.

#include <doctest/doctest.h>

#include "../../tests/support/dialog.h"
#include "../../tests/support/guarded.h"
#include "../../tests/support/plain_tls.h"
#include "base/text.h"
#include "smtp/fake_host.h"
#include "smtp/parameters.h"
#include "smtp/table.h"

namespace smtp {
namespace {

/// Time of day stands still, so that what is said of it (FUTURERELEASE) is the same in each replay.
class StillClock : public base::Clock {
 public:
  base::WallTime now() const override {
    static const base::WallTime began = base::system_clock().now();
    return began;
  }
  base::SteadyTime steady() const override { return base::system_clock().steady(); }
};

struct World {
  StillClock clock;
  FakeHost host;
  Config config{.hostname = "mx.example.test", .max_errors = 1000};
  base::Live<Config> live{};
  Mode mode;
  TlsSource tls;
  std::unique_ptr<tests::Guarded> guarded;
  tests::Serve serve;
};

void limit(World& world, const tests::Dialog& dialog) {
  const auto number = [&](const char* option) {
    return static_cast<std::uint32_t>(std::stoul(dialog.option(option, "0")));
  };
  guard::Config limits{.stranger = {.messages = number("rate-messages"),
                                    .recipients = number("rate-recipients"),
                                    .errors = number("rate-errors")},
                       .records = 256,
                       .wrong_passwords = number("guesses")};
  if (limits.stranger.messages + limits.stranger.recipients + limits.stranger.errors + limits.wrong_passwords == 0) {
    return;
  }
  world.guarded = std::make_unique<tests::Guarded>(limits);
  world.mode.guard = world.guarded->guard.get();
}

std::unique_ptr<World> world_of(const tests::Dialog& dialog) {
  auto world = std::make_unique<World>();
  World& w = *world;
  if (dialog.option("service") == "submission") w.mode.service = Service::submission;
  if (dialog.option("service") == "lmtp") w.mode.service = Service::lmtp;
  if (dialog.options.contains("relay")) w.mode.relay = [](std::string_view) { return true; };
  if (dialog.option("vrfy") == "known") w.config.vrfy = Vrfy::known;
  if (dialog.option("vrfy") == "everybody") w.config.vrfy = Vrfy::everybody;
  if (dialog.options.contains("trusted")) w.mode.trusted = [](std::string_view) { return true; };
  w.mode.plaintext_auth = dialog.options.contains("trusted");
  w.mode.implicit_tls = dialog.options.contains("tls");
  if (w.mode.implicit_tls || dialog.options.contains("certificate")) {
    std::vector<std::string> client;
    if (dialog.options.contains("client")) client.push_back(dialog.option("client"));
    w.tls = [client] { return std::make_shared<tests::PlainAcceptor>(client); };
  }
  w.config.nonce = [] { return std::string("3rfcNHYJY1ZVvWVs7j"); };
  if (dialog.options.contains("mechanisms")) w.config.mechanisms = sasl::test::enabled(dialog.option("mechanisms"));
  w.config.max_message_bytes = std::stoull(dialog.option("limit", "1000000"));
  w.config.max_recipients = std::stoull(dialog.option("recipients", "100"));
  w.config.max_messages = std::stoull(dialog.option("messages", "10000"));
  w.config.max_hold = std::chrono::days(1);
  w.config.max_errors = std::stoull(dialog.option("errors", "1000"));
  if (dialog.options.contains("policy")) {
    w.config.hello_syntax = w.config.hello_own_name = w.config.hello_foreign_literal = Policy::refuse;
  }
  limit(w, dialog);
  w.live.set(w.config);
  w.serve = [&w](std::unique_ptr<net::Stream> stream) {
    return serve(std::move(stream), w.host, w.live, std::make_shared<const Mode>(w.mode), w.tls, w.clock, {}, {});
  };
  return world;
}

std::vector<tests::Dialog> dialogs() {
  return tests::load_all(std::string(POSTRIDER_SOURCE_DIR) + "/tests/dialogs/smtp");
}

/// What is behind STARTTLS in one read is thrown away, so only lock-step shows such a dialog as a client sees it.
bool pipelines(const tests::Dialog& dialog) { return !dialog.options.contains("certificate"); }

TEST_CASE("each dialog runs in lock-step, whole and one byte at a time, and accepts the same mail") {
  for (const tests::Dialog& dialog : dialogs()) {
    INFO(dialog.name);
    auto steps = world_of(dialog);
    CHECK_EQ(tests::replay_in_steps(dialog, steps->serve), "");
    CHECK_EQ(std::to_string(steps->host.accepted.size()), dialog.option("accepts", "0"));
    if (!pipelines(dialog)) continue;
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, SIZE_MAX}) {
      auto world = world_of(dialog);
      CHECK_EQ(tests::compare(dialog, tests::replay(world->serve, dialog.input(), piece)), "");
      CHECK(world->host.accepted == steps->host.accepted);
    }
  }
}

TEST_CASE("a dialog that is cut off at any byte ends, and never accepts a message that was not whole") {
  for (const tests::Dialog& dialog : dialogs()) {
    if (!pipelines(dialog)) continue;
    INFO(dialog.name);
    const std::string input = dialog.input();
    auto whole = world_of(dialog);
    tests::replay(whole->serve, input, SIZE_MAX);
    for (std::size_t length = 0; length < input.size(); ++length) {
      auto world = world_of(dialog);
      const std::string output = tests::replay(world->serve, input.substr(0, length), SIZE_MAX);
      REQUIRE_EQ(tests::compare(dialog, output, true), "");
      REQUIRE_LE(world->host.accepted.size(), whole->host.accepted.size());
      REQUIRE(std::equal(world->host.accepted.begin(), world->host.accepted.end(), whole->host.accepted.begin()));
    }
  }
}

TEST_CASE("a connection that is reset at any step ends, and what was accepted before it stays as it is") {
  for (const tests::Dialog& dialog : dialogs()) {
    if (!pipelines(dialog)) continue;
    INFO(dialog.name);
    auto whole = world_of(dialog);
    const std::string output = tests::replay(whole->serve, dialog.input(), 40);
    std::size_t step = 0;
    for (std::string so_far; so_far != output; ++step) {
      REQUIRE_LT(step, 10'000);
      auto world = world_of(dialog);
      so_far = tests::replay(world->serve, dialog.input(), 40, step);
      REQUIRE(output.starts_with(so_far));
      REQUIRE_LE(world->host.accepted.size(), whole->host.accepted.size());
      REQUIRE(std::equal(world->host.accepted.begin(), world->host.accepted.end(), whole->host.accepted.begin()));
    }
  }
}

/// Whether some dialog's client says so, in any case of letters.
bool is_said(const std::vector<tests::Dialog>& all, const std::string& verb, const std::string& part) {
  return std::ranges::any_of(all, [&](const tests::Dialog& dialog) {
    return std::ranges::any_of(dialog.steps, [&](const tests::Step& step) {
      const std::string text = base::upper(step.text);
      return step.client && text.contains(verb) && text.contains(part);
    });
  });
}

TEST_CASE("every parameter has a dialog") {
  const auto all = dialogs();
  for (const auto& row : mail_parameters()) {
    const std::string name(row.name);
    CHECK_MESSAGE(is_said(all, "MAIL FROM:", " " + name + (row.has_value ? "=" : "")), "no dialog uses " << name);
  }
  for (const auto& row : rcpt_parameters()) {
    const std::string name(row.name);
    CHECK_MESSAGE(is_said(all, "RCPT TO:", " " + name + (row.has_value ? "=" : "")), "no dialog uses " << name);
  }
}

TEST_CASE("every verb and every extension has a dialog") {
  const auto all = dialogs();
  for (const VerbRow& row : kVerbs) {
    const bool shown = std::any_of(all.begin(), all.end(), [&](const tests::Dialog& dialog) {
      return std::any_of(dialog.steps.begin(), dialog.steps.end(), [&](const tests::Step& step) {
        return step.client && base::istarts_with(step.text, row.name);
      });
    });
    CHECK_MESSAGE(shown, "no dialog says " << row.name);
  }
  for (const ExtensionRow& row : kExtensions) {
    const bool shown = std::any_of(all.begin(), all.end(), [&](const tests::Dialog& dialog) {
      return dialog.option("extension") == row.keyword &&
             std::any_of(dialog.steps.begin(), dialog.steps.end(), [&](const tests::Step& step) {
               return !step.client && step.text.substr(4).starts_with(row.keyword);
             });
    });
    CHECK_MESSAGE(shown, "no dialog is about the extension " << row.keyword);
  }
}

}  // namespace
}  // namespace smtp

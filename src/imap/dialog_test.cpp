// Every conversation of tests/dialogs/imap: in lock-step, whole, one byte at a time, and cut off at every byte.
// Options: mail N (messages in INBOX) | empty-trust (no plaintext logins) | certificate | steps (only in lock-step) |
// errors N | limit BYTES | messages N (of one command) | mechanisms NAME... (of AUTHENTICATE) | verb NAME | extension
// NAME (rows of the tables that the dialog shows; may be repeated with a comma).

#include <doctest/doctest.h>

#include <set>

#include "../../tests/support/dialog.h"
#include "base/text.h"
#include "imap/table.h"
#include "imap/test_kit.h"

namespace imap {
namespace {

using test::World;

struct Stage {
  std::unique_ptr<World> world;
  tests::Serve serve;
};

net::Task<void> fill(World& world, int count) {
  for (int i = 1; i <= count; ++i) co_await world.deliver(test::message(i));
}

Stage stage(const tests::Dialog& dialog) {
  Stage out{.world = std::make_unique<World>(), .serve = {}};
  World& world = *out.world;
  if (dialog.options.contains("untrusted")) world.mode.plaintext_auth = false;
  if (dialog.options.contains("certificate")) {
    world.tls = [] { return std::make_shared<test::PlainAcceptor>(); };
  }
  world.config.nonce = [] { return std::string("3rfcNHYJY1ZVvWVs7j"); };
  if (dialog.options.contains("mechanisms")) world.config.mechanisms = sasl::test::enabled(dialog.option("mechanisms"));
  world.config.max_errors = std::stoull(dialog.option("errors", "1000"));
  world.config.max_message_bytes = std::stoull(dialog.option("limit", "1000000"));
  world.config.max_messages = static_cast<std::uint32_t>(std::stoul(dialog.option("messages", "0")));
  if (const int count = std::stoi(dialog.option("mail", "0")); count > 0) net::run(fill(world, count));
  out.serve = [&world](std::unique_ptr<net::Stream> stream) { return world.serve(std::move(stream)); };
  return out;
}

std::vector<tests::Dialog> dialogs() {
  return tests::load_all(std::string(POSTRIDER_SOURCE_DIR) + "/tests/dialogs/imap");
}

TEST_CASE("each dialog runs in lock-step, whole and one byte at a time") {
  for (const tests::Dialog& dialog : dialogs()) {
    INFO(dialog.name);
    CHECK_EQ(tests::replay_in_steps(dialog, stage(dialog).serve), "");
    if (dialog.options.contains("steps")) continue;
    for (const std::size_t piece : {SIZE_MAX, std::size_t{1}}) {
      const Stage at = stage(dialog);
      CHECK_EQ(tests::compare(dialog, tests::replay(at.serve, dialog.input(), piece)), "");
    }
  }
}

TEST_CASE("a dialog that is cut off anywhere gets the same answers up to there, and ends") {
  for (const tests::Dialog& dialog : dialogs()) {
    if (dialog.options.contains("steps")) continue;
    INFO(dialog.name);
    const std::string input = dialog.input();
    for (std::size_t cut = 0; cut < input.size(); ++cut) {
      const Stage at = stage(dialog);
      const std::string output = tests::replay(at.serve, input.substr(0, cut), SIZE_MAX);
      // A command that is cut may have told its news already.
      const std::string problem = tests::compare(dialog, output, /*may_end_early=*/true);
      if (!problem.empty()) FAIL_CHECK("cut at " << cut << ": " << problem);
    }
  }
}

TEST_CASE("a dialog whose connection breaks at any operation ends without a bug") {
  for (const tests::Dialog& dialog : dialogs()) {
    INFO(dialog.name);
    for (std::size_t steps = 0; steps < 60; ++steps) {
      const Stage at = stage(dialog);
      (void)tests::replay(at.serve, dialog.input(), 256, steps);
    }
  }
}

TEST_CASE("every row of the verb table and of the extension table has a dialog") {
  std::set<std::string> shown;
  std::set<std::string> sent;
  for (const tests::Dialog& dialog : dialogs()) {
    for (const auto word : base::split(dialog.option("extension"), ',')) shown.emplace(word);
    for (const tests::Step& step : dialog.steps) {
      const auto space = step.text.find(' ');
      if (!step.client || space == std::string::npos) continue;
      Cursor in(std::string_view(step.text).substr(space + 1));
      if (const Verb* verb = find_verb(in)) sent.emplace(verb->name);
    }
  }
  for (const Verb& verb : verbs()) CHECK_MESSAGE(sent.contains(std::string(verb.name)), verb.name);
  for (const Extension& extension : extensions()) {
    CHECK_MESSAGE(shown.contains(std::string(extension.word)), extension.word);
  }
}

}  // namespace
}  // namespace imap

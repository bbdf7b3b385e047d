// Commands as processes: what they are given, every way in which they end, and what is left of them then. The test
// program itself is the process that watches, as postrider is.
#include "app/pipe_process.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "app/test_kit.h"

namespace {

using namespace std::chrono_literals;
using app::test::Scratch;
using outbound::Pipe;
using outbound::PipeEnd;
using Kind = PipeEnd::Kind;
using Clock = std::chrono::steady_clock;

/// Before main: glibc gives the arguments to constructors.
[[gnu::constructor]] void watch_when_asked(int argc, char** argv, char**) {
  if (argc > 0 && std::string_view(argv[0]) == app::kPipeProgram) ::_exit(app::watch_command(argc, argv));
}

const outbound::PipeValues kNobody;

Pipe shell(const std::string& script, std::chrono::seconds limit = 30s) {
  return {.command = {"/bin/sh", "-c", script}, .user = {}, .time_limit = limit};
}

void send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    REQUIRE_GT(sent, 0);
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::string receive_all(int socket) {
  std::string all;
  std::array<char, 1024> buffer;
  for (ssize_t got = 0; (got = ::recv(socket, buffer.data(), buffer.size(), 0)) > 0;) {
    all.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return all;
}

outbound::StartedCommand started(const Pipe& pipe, const outbound::PipeValues& values = kNobody) {
  auto command = app::start_command(pipe, values);
  REQUIRE_MESSAGE(command.has_value(), (command ? "" : command.error().text));
  return *command;
}

void see_off(const outbound::StartedCommand& command) {
  for (int i = 0; i < 500 && !command.gone(false); ++i) std::this_thread::sleep_for(10ms);
}

PipeEnd run(const Pipe& pipe, std::string_view message, const outbound::PipeValues& values = kNobody) {
  const auto command = started(pipe, values);
  for (std::size_t at = 0; at < message.size(); at += 60'000)
    send_all(command.socket, outbound::pipe_block(message.substr(at, 60'000)));
  send_all(command.socket, outbound::pipe_block(""));
  const auto end = outbound::parse_pipe_end(receive_all(command.socket));
  ::close(command.socket);
  see_off(command);
  REQUIRE(end.has_value());
  return *end;
}

std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream all;
  all << in.rdbuf();
  return all.str();
}

bool appears(const std::string& path) {
  for (int i = 0; i < 500 && !std::filesystem::exists(path); ++i) std::this_thread::sleep_for(10ms);
  return std::filesystem::exists(path);
}

bool is_alive(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(stat, text);
  const std::size_t end = text.rfind(')');
  return end != std::string::npos && text.size() > end + 2 && text[end + 2] != 'Z';
}

bool dies(pid_t pid) {
  for (int i = 0; i < 500 && is_alive(pid); ++i) std::this_thread::sleep_for(10ms);
  return !is_alive(pid);
}

}  // namespace

TEST_CASE("a command has the message, the values and nothing of the server's") {
  const Scratch scratch;
  ::setenv("POSTRIDER_SECRET", "hidden", 1);
  const std::string file = scratch / "all";
  const PipeEnd end =
      run({.command = {"/bin/sh", "-c", "{ env; pwd; echo \"$0 $@\"; ls /proc/self/fd; cat; } > " + file, "{id}",
                       "--to={recipient}", "{local_part}", "{domain}", "<{sender}>", "{}"},
           .user = {},
           .time_limit = 30s},
          std::string("Subject: x\n\nlast\0line", 21),
          {.sender = "a b@x.example", .recipient = "$(id);@example.org", .id = "77"});
  ::unsetenv("POSTRIDER_SECRET");
  CHECK(end.kind == Kind::exited);
  CHECK_EQ(end.code, 0);
  const std::string all = content(file);
  CHECK_NE(all.find("77 --to=$(id);@example.org $(id); example.org <a b@x.example> {}\n"), std::string::npos);
  CHECK_NE(all.find("SENDER=a b@x.example\n"), std::string::npos);
  CHECK_NE(all.find("RECIPIENT=$(id);@example.org\n"), std::string::npos);
  CHECK_NE(all.find("QUEUE_ID=77\n"), std::string::npos);
  CHECK_NE(all.find("\n/\n"), std::string::npos);
  CHECK_EQ(all.find("hidden"), std::string::npos);
  CHECK_NE(all.find("\n0\n1\n2\n3\nSubject: x\n\nlast" + std::string(1, '\0') + "line"), std::string::npos);  // 3: ls
}

TEST_CASE("every exit code is told, and what the command says") {
  for (const std::uint32_t code :
       {0u, 1u, 64u, 65u, 66u, 67u, 68u, 69u, 70u, 71u, 72u, 73u, 74u, 75u, 76u, 77u, 78u, 127u, 255u}) {
    const PipeEnd end = run(shell("cat >/dev/null; echo said; echo more >&2; exit " + std::to_string(code)), "x");
    CHECK(end.kind == Kind::exited);
    CHECK_EQ(end.code, code);
    CHECK_EQ(end.output, "said\nmore\n");
  }
  const PipeEnd killed = run(shell("kill -9 $$"), "x");
  CHECK(killed.kind == Kind::killed);
  CHECK_EQ(killed.code, SIGKILL);
}

TEST_CASE("a command that cannot be run is told with the system's reason") {
  const PipeEnd missing = run({.command = {"/nowhere/at/all"}, .user = {}, .time_limit = 5s}, "x");
  CHECK(missing.kind == Kind::not_run);
  CHECK_EQ(missing.code, ENOENT);
  CHECK(run({.command = {"/etc"}, .user = {}, .time_limit = 5s}, "x").kind == Kind::not_run);
  const PipeEnd user = run({.command = {"/bin/cat"}, .user = "no-such-user-here", .time_limit = 5s}, "x");
  CHECK(user.kind == Kind::not_run);
  CHECK_NE(user.output.find("no-such-user-here"), std::string::npos);
}

TEST_CASE("an address is no option, unless the command's line says so") {
  const auto refused =
      app::start_command({.command = {"/bin/cat", "{recipient}"}, .user = {}}, {.recipient = "-n@x.example"});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == base::Code::invalid);
  CHECK_EQ(run({.command = {"/bin/sh", "-c", "cat >/dev/null; echo \"$1\"", "-", "--to={recipient}"},
                .user = {},
                .time_limit = 30s},
               "x", {.recipient = "-n@x.example"})
               .output,
           "--to=-n@x.example\n");
}

TEST_CASE("a large message goes through a slow reader, and one that reads nothing is judged by how it ends") {
  const std::string large(5'000'000, 'm');
  const PipeEnd counted = run(shell("sleep 0.2; wc -c"), large);
  CHECK_EQ(counted.output, "5000000\n");
  CHECK_EQ(run(shell("exit 0"), large).code, 0);
  CHECK_EQ(run(shell("exec <&-; sleep 0.2; exit 75"), large).code, 75);
}

TEST_CASE("output without end is read and cut; what somebody it started still holds is not waited for") {
  const PipeEnd flood = run(shell("cat >/dev/null; head -c 3000000 /dev/zero | tr '\\0' o"), "x");
  CHECK_EQ(flood.code, 0);
  CHECK_EQ(flood.output, std::string(PipeEnd::kMaxOutput, 'o'));
  const auto begin = Clock::now();
  const PipeEnd left = run(shell("cat >/dev/null; sleep 20 & echo done"), "x");
  CHECK_EQ(left.output, "done\n");
  CHECK_LT(Clock::now() - begin, 10s);
}

TEST_CASE("a command that takes too long is ended, with all that it started") {
  const Scratch scratch;
  const std::string file = scratch / "pid";
  const auto begin = Clock::now();
  const PipeEnd end = run(shell("echo slow; sleep 60 & echo $! > " + file + "; wait", 1s), std::string(500'000, 'x'));
  CHECK(end.kind == Kind::late);
  CHECK_EQ(end.output, "slow\n");
  CHECK_LT(Clock::now() - begin, 15s);
  CHECK(dies(static_cast<pid_t>(std::stoi(content(file)))));
}

TEST_CASE("a run that nobody waits for any more is ended, and never sees the end of its message") {
  const Scratch scratch;
  const std::string pid = scratch / "pid";
  const std::string whole = scratch / "whole";
  const auto command =
      started(shell("echo $$ > " + pid + ".new; mv " + pid + ".new " + pid + "; cat >/dev/null; touch " + whole));
  send_all(command.socket, outbound::pipe_block("half of it"));
  REQUIRE(appears(pid));
  ::close(command.socket);
  see_off(command);
  CHECK(dies(static_cast<pid_t>(std::stoi(content(pid)))));
  CHECK_FALSE(std::filesystem::exists(whole));
}

TEST_CASE("what watches over a command can be ended, and is gone then") {
  const auto command = started(shell("sleep 3"));
  CHECK_FALSE(command.gone(false));
  CHECK(command.gone(true));
  CHECK(receive_all(command.socket).empty());
  ::close(command.socket);
}

TEST_CASE("a fingerprint tells commands, users and limits apart") {
  const Pipe pipe{.command = {"/bin/a", "b"}, .user = "u", .time_limit = 5s};
  CHECK_EQ(app::fingerprint(pipe).size(), 64);
  CHECK_EQ(app::fingerprint(pipe), app::fingerprint(Pipe(pipe)));
  for (const Pipe& other : {Pipe{.command = {"/bin/ab"}, .user = "u", .time_limit = 5s},
                            Pipe{.command = {"/bin/a", "b"}, .user = "v", .time_limit = 5s},
                            Pipe{.command = {"/bin/a", "b"}, .user = "u", .time_limit = 6s},
                            Pipe{.command = {"/bin/a", "", "b"}, .user = "u", .time_limit = 5s}}) {
    CHECK_NE(app::fingerprint(pipe), app::fingerprint(other));
  }
}

#pragma once
// Private to the room's tests: a host of strangers on 127.0.0.1 that does what the test says, and an Outbound that is
// told of it by a resolver that the test fills. For tests only.

#include <doctest/doctest.h>

#include <map>
#include <mutex>

#include "base/text.h"
#include "dns/fake.h"
#include "net/server.h"
#include "outbound/open.h"
#include "store/store.h"
#include "tls/tls.h"

namespace outbound::test {

using namespace std::chrono_literals;

/// What the host says and has heard. Changed by the test between two attempts.
struct Behaviour {
  std::vector<std::string> extensions{"PIPELINING", "8BITMIME", "SIZE 1000000", "ENHANCEDSTATUSCODES"};
  std::vector<std::string> extensions_in_tls;            // empty: the same
  std::map<std::string, std::vector<std::string>> says;  // by verb ("RCPT", "." the end of content, "220"): the next
                                                         // replies, the last of which goes on; without line ends
  std::size_t cut_after = SIZE_MAX;                      // bytes that it sends before it closes the connection
  bool lmtp = false;
  std::string name = "mx.example.net";
  std::shared_ptr<const tls::Acceptor> tls;
  bool implicit_tls = false;
};

struct Heard {
  std::vector<std::string> lines;     // commands
  std::vector<std::string> messages;  // contents that it took, dots undone
  std::size_t connections = 0;
  std::string from;       // the peer of the latest
  std::size_t taken = 0;  // ends of contents that it answered positively, also when the answer did not get out
};

class Peer {
 public:
  Peer() : Peer([](net::Loop& loop) { return net::listen_tcp(loop, "127.0.0.1", 0); }) {}
  explicit Peer(const std::function<base::Result<std::unique_ptr<net::Listener>>(net::Loop&)>& listen) : loops_(1) {
    auto listener = listen(loops_.at(0));
    REQUIRE(listener);
    server_ = std::make_unique<net::Server>(
        std::move(*listener), loops_.at(0), loops_,
        net::Server::Options{.name = "peer", .limits = {.connections = 100, .connections_per_address = 100}},
        [this](std::unique_ptr<net::Stream> stream, base::Log, net::Stopping) {
          return talk(*this, std::move(stream));
        },
        base::Log());
    server_->start();
  }
  ~Peer() { net::run(server_->stop(0s)); }

  std::uint16_t port() const { return server_->port(); }
  void set(Behaviour behaviour) {
    const std::lock_guard lock(mutex_);
    behaviour_ = std::move(behaviour);
  }
  Heard heard() const {
    const std::lock_guard lock(mutex_);
    return heard_;
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    heard_ = {};
  }
  std::size_t sessions() const { return server_->sessions(); }

 private:
  struct Talk {
    Peer& peer;
    Behaviour now;
    std::unique_ptr<net::Stream> stream;
    std::string input;
    std::map<std::string, std::size_t> said;
    std::size_t sent = 0;
    std::size_t recipients = 0;
    std::string chunks;
  };

  static net::Task<void> say(Talk& talk, std::string text) {
    text += "\r\n";
    const std::size_t room = talk.now.cut_after - std::min(talk.sent, talk.now.cut_after);
    const bool cut = text.size() > room;
    text.resize(std::min(text.size(), room));
    talk.sent += text.size();
    if (!text.empty()) co_await talk.stream->write(text);
    if (cut) {
      co_await talk.stream->shutdown();
      throw net::Closed(net::Closed::Why::local);
    }
  }
  static std::string choose(Talk& talk, const std::string& verb, std::string otherwise) {
    const auto scripted = talk.now.says.find(verb);
    if (scripted == talk.now.says.end()) return otherwise;
    const std::size_t at = std::min(talk.said[verb]++, scripted->second.size() - 1);
    return scripted->second[at];
  }
  static net::Task<void> more(Talk& talk) {
    std::string bytes(65536, '\0');
    bytes.resize(co_await talk.stream->read(bytes));
    if (bytes.empty()) throw net::Closed(net::Closed::Why::peer);
    talk.input += bytes;
  }
  static net::Task<std::string> line(Talk& talk) {
    while (talk.input.find("\r\n") == std::string::npos) co_await more(talk);
    const std::size_t end = talk.input.find("\r\n");
    std::string text = talk.input.substr(0, end);
    talk.input.erase(0, end + 2);
    co_return text;
  }
  void note(const std::string& text) {
    const std::lock_guard lock(mutex_);
    heard_.lines.push_back(text);
  }
  void keep(std::string message, bool positive) {
    const std::lock_guard lock(mutex_);
    heard_.messages.push_back(std::move(message));
    heard_.taken += positive ? 1 : 0;
  }

  static net::Task<void> finish(Talk& talk, std::string message) {
    std::vector<std::string> answers;
    for (std::size_t i = 0; i < (talk.now.lmtp ? talk.recipients : 1); ++i) {
      answers.push_back(choose(talk, ".", "250 2.0.0 taken"));
    }
    talk.peer.keep(std::move(message), answers.front().starts_with('2'));
    talk.recipients = 0;
    for (const std::string& answer : answers) co_await say(talk, answer);
  }
  static net::Task<void> take_data(Talk& talk) {
    const std::string go = choose(talk, "DATA", "354 go on");
    co_await say(talk, go);
    if (!go.starts_with('3')) co_return;
    std::string message;
    while (true) {
      std::string text = co_await line(talk);
      if (text == ".") break;
      if (text.starts_with('.')) text.erase(0, 1);
      message += text + "\r\n";
    }
    co_await finish(talk, std::move(message));
  }
  static net::Task<void> take_chunk(Talk& talk, const std::string& command) {
    const std::size_t size = std::stoul(command.substr(5));
    while (talk.input.size() < size) co_await more(talk);
    talk.chunks += talk.input.substr(0, size);
    talk.input.erase(0, size);
    if (command.ends_with("LAST")) co_return co_await finish(talk, std::exchange(talk.chunks, {}));
    co_await say(talk, choose(talk, "BDAT", "250 2.0.0 chunk"));
  }
  static net::Task<void> hello(Talk& talk, const std::string& verb) {
    const bool in_tls = talk.stream->tls() != nullptr;
    auto extensions = in_tls && !talk.now.extensions_in_tls.empty() ? talk.now.extensions_in_tls : talk.now.extensions;
    if (talk.now.tls && !in_tls) extensions.push_back("STARTTLS");
    std::string text = talk.now.name;
    if (verb != "HELO") {
      for (const std::string& extension : extensions) text += "\n" + extension;
    }
    std::string reply;
    for (std::size_t at = 0, end = 0; end != std::string::npos; at = end + 1) {
      end = text.find('\n', at);
      reply += (reply.empty() ? "" : "\r\n") + std::string(end == std::string::npos ? "250 " : "250-") +
               text.substr(at, end == std::string::npos ? end : end - at);
    }
    co_await say(talk, choose(talk, verb, reply));
  }
  static net::Task<void> start_tls(Talk& talk) {
    const std::string reply = choose(talk, "STARTTLS", talk.now.tls ? "220 go on" : "502 no TLS");
    co_await say(talk, reply);
    if (!reply.starts_with('2')) co_return;
    if (!talk.now.tls) throw net::Closed(net::Closed::Why::local);
    talk.stream = co_await talk.now.tls->accept(std::move(talk.stream));
  }

  static net::Task<void> talk(Peer& peer, std::unique_ptr<net::Stream> stream) {
    Talk talk{.peer = peer, .stream = std::move(stream)};
    {
      const std::lock_guard lock(peer.mutex_);
      talk.now = peer.behaviour_;
      ++peer.heard_.connections;
      peer.heard_.from = talk.stream->endpoints().peer_address;
    }
    talk.stream->set_deadline(std::chrono::steady_clock::now() + 30s);
    if (talk.now.implicit_tls) talk.stream = co_await talk.now.tls->accept(std::move(talk.stream));
    co_await say(talk, choose(talk, "220", "220 " + talk.now.name + " ESMTP"));
    while (true) {
      const std::string text = co_await line(talk);
      peer.note(text);
      const std::string verb = base::upper(text.substr(0, text.find(' ')));
      if (verb == "EHLO" || verb == "LHLO" || verb == "HELO") {
        co_await hello(talk, verb);
      } else if (verb == "STARTTLS") {
        co_await start_tls(talk);
      } else if (verb == "DATA") {
        co_await take_data(talk);
      } else if (verb == "BDAT") {
        co_await take_chunk(talk, text);
      } else {
        const std::string reply = choose(talk, verb, verb == "QUIT" ? "221 2.0.0 bye" : "250 2.1.0 fine");
        if (verb == "RCPT" && reply.starts_with('2')) ++talk.recipients;
        co_await say(talk, reply);
        if (verb == "QUIT" || reply.starts_with("421")) co_return;
      }
    }
  }

  mutable std::mutex mutex_;
  Behaviour behaviour_;  // guarded by mutex_
  Heard heard_;          // guarded by mutex_
  net::Loops loops_;
  std::unique_ptr<net::Server> server_;
};

/// An Outbound whose MX hosts are all at the port of `peer`.
struct World {
  net::Pool pool{2};
  std::unique_ptr<store::Store> store = store::open_memory(pool, base::system_clock(), {});
  dns::test::FakeResolver resolver;
  Peer peer;
  Config config{.hostname = "us.example.org"};
  std::unique_ptr<System> outbound;
  std::string content = "Subject: hello\r\n\r\n.a line with a dot\r\nthe end\r\n";
  std::size_t piece = 1 << 16;
  bool commit = true;
  StartCommand start_command;  // taken by open()

  World() {
    config.port = peer.port();
    config.idle_timeout = 0s;
    config.timeouts = {.greeting = 2s, .hello = 2s, .command = 2s, .data = 2s, .block = 2s, .final = 2s, .quit = 1s};
    resolver.mx("example.net", 10, "mx.example.net");
    resolver.address("mx.example.net", "127.0.0.1");
    open();
  }
  void open() {
    auto opened = outbound::open(
        {.resolver = resolver, .store = *store, .clock = base::system_clock(), .start_command = start_command}, config,
        {});
    REQUIRE(opened);
    outbound = *std::move(opened);
  }
  Destination destination() const { return {.domain = "example.net"}; }
  Message message() const {
    Message made;
    made.envelope.sender = "from@example.org";
    made.size = content.size();
    made.read = [this](std::uint64_t offset) { return read(this, offset); };
    return made;
  }
  std::vector<Outcome> send(Destination to, Message what, std::vector<std::string> addresses,
                            std::chrono::milliseconds time = 20s) {
    std::vector<smtp::Recipient> recipients;
    for (std::string& address : addresses) recipients.push_back({.address = std::move(address)});
    return net::run(outbound->send(std::move(to), std::move(what), std::move(recipients), [this] { return commit; },
                                   std::chrono::steady_clock::now() + time, {}));
  }
  Outcome send_one() { return send(destination(), message(), {"to@example.net"}).front(); }

 private:
  static net::Task<base::Result<std::string>> read(const World* world, std::uint64_t offset) {
    co_return world->content.substr(std::min<std::size_t>(offset, world->content.size()), world->piece);
  }
};

}  // namespace outbound::test

#include "sendmail/smtp_on_pipes.h"

#include <sysexits.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "base/live.h"
#include "net/loop.h"
#include "sendmail/program.h"
#include "smtp/session.h"

namespace sendmail {
namespace {

/// Standard input and output. Blocks: there is nothing else to do on this loop.
class Pipes final : public net::Stream {
 public:
  net::Task<net::Ready> wait() override { co_return net::Ready::data; }
  net::Task<std::size_t> read(std::span<char> into) override {
    for (;;) {
      const ssize_t count = ::read(STDIN_FILENO, into.data(), into.size());
      if (count >= 0) co_return static_cast<std::size_t>(count);
      if (errno != EINTR) throw net::Closed(net::Closed::Why::peer);
    }
  }
  net::Task<void> write(std::string_view data) override {
    while (!data.empty()) {
      const ssize_t count = ::write(STDOUT_FILENO, data.data(), data.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) throw net::Closed(net::Closed::Why::peer);
      data.remove_prefix(static_cast<std::size_t>(count));
    }
    co_return;
  }
  void wake() override {}
  void set_deadline(base::SteadyTime) override {}  // whoever started us ends us
  void close() noexcept override {}
  net::Task<void> shutdown() override { co_return; }
  const net::Endpoints& endpoints() const override { return endpoints_; }

 private:
  net::Endpoints endpoints_;
};

base::Error as_error(const Answer& answer) {
  const base::Code code = answer.status == EX_NOPERM   ? base::Code::denied
                          : answer.status == EX_NOUSER ? base::Code::not_found
                                                       : base::Code::invalid;
  return {code, answer.text};
}

class SpoolSink final : public smtp::Sink {
 public:
  SpoolSink(const Spool& spool, SpoolWriter writer) : spool_(spool), writer_(std::move(writer)) {}

  net::Task<base::Result<void>> write(std::string_view bytes) override { co_return writer_.write(bytes); }
  net::Task<base::Result<Accepted>> accept() override {
    CO_TRY(writer_.commit());
    const std::string id = writer_.id();
    CO_TRY_ASSIGN(const Answer answer, hand_over(spool_, std::move(writer_)));
    if (answer.is == Answer::Is::refused) co_return std::unexpected(as_error(answer));
    co_return Accepted{answer.is == Answer::Is::taken ? answer.text : id, {}};
  }

 private:
  const Spool& spool_;
  SpoolWriter writer_;
};

/// Takes every envelope: who may send what to whom is for the server to say, when it gets the message.
class SpoolHost final : public smtp::Host {
 public:
  explicit SpoolHost(const Spool& spool) : spool_(spool) {}

  net::Task<base::Result<smtp::LoginStep>> authenticate(std::shared_ptr<sasl::Mechanism>, std::string,
                                                        smtp::Peer) override {
    co_return base::fail(base::Code::unsupported, "there is nothing to log in to");
  }
  net::Task<base::Result<smtp::User>> recheck(smtp::User user) override { co_return user; }
  net::Task<base::Result<void>> check_sender(const smtp::User*, std::string, smtp::Peer) override {
    co_return base::Result<void>();
  }
  net::Task<base::Result<void>> check_recipient(const smtp::User*, std::string, std::string, smtp::Peer) override {
    co_return base::Result<void>();
  }
  net::Task<base::Result<std::vector<std::string>>> look_up(std::string) override {
    co_return base::fail(base::Code::denied, "only the server knows");
  }
  net::Task<base::Result<std::unique_ptr<smtp::Sink>>> begin(smtp::Envelope envelope, std::optional<smtp::User>,
                                                             smtp::Peer, base::Log) override {
    CO_TRY_ASSIGN(auto writer, SpoolWriter::create(spool_, {.id = {}, .envelope = std::move(envelope)}));
    co_return std::make_unique<SpoolSink>(spool_, std::move(writer));
  }

 private:
  const Spool& spool_;
};

net::Task<void> serve(smtp::Host& host, const base::Live<smtp::Config>& config) {
  auto mode = std::make_shared<smtp::Mode>();
  // As a listed network's: bare line ends are mended, and mail may go anywhere.
  mode->trusted = [](std::string_view) { return true; };
  mode->relay = mode->trusted;
  co_await smtp::serve(std::make_unique<Pipes>(), host, config, std::move(mode), {}, base::system_clock(), {}, {});
}

}  // namespace

int serve_pipes(const Spool& spool) {
  SpoolHost host(spool);
  smtp::Config settings;
  settings.hostname = hostname_of(spool);
  settings.max_message_bytes = 1ull << 40;  // the server's limit counts, and it is told when it has the message
  const base::Live<smtp::Config> config(std::move(settings));
  try {
    net::run(serve(host, config));
  } catch (const net::Closed&) {
    return EX_OK;  // a program that is through may simply go
  }
  return EX_OK;
}

}  // namespace sendmail

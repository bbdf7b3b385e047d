#pragma once
// A TLS acceptor whose streams say that they are TLS and are not: so a dialog can be read. For tests only.

#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "net/stream.h"
#include "tls/tls.h"

namespace tests {

class PlainTls final : public net::Stream {
 public:
  explicit PlainTls(std::unique_ptr<net::Stream> stream) : stream_(std::move(stream)) {}
  net::Task<net::Ready> wait() override { return stream_->wait(); }
  net::Task<std::size_t> read(std::span<char> into) override { return stream_->read(into); }
  net::Task<void> write(std::string_view data) override { return stream_->write(data); }
  void wake() override { stream_->wake(); }
  void set_deadline(base::SteadyTime deadline) override { stream_->set_deadline(deadline); }
  void close() noexcept override { stream_->close(); }
  net::Task<void> shutdown() override { return stream_->shutdown(); }
  const net::Endpoints& endpoints() const override { return stream_->endpoints(); }
  const net::TlsInfo* tls() const override { return &info_; }

 private:
  std::unique_ptr<net::Stream> stream_;
  net::TlsInfo info_{.version = "TLSv1.3", .cipher = "none", .server_name = {}, .resumed = false};
};

class PlainAcceptor final : public tls::Acceptor {
 public:
  net::Task<std::unique_ptr<net::Stream>> accept(std::unique_ptr<net::Stream> plain) const override {
    co_return std::make_unique<PlainTls>(std::move(plain));
  }
};

}  // namespace tests

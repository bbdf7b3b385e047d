#pragma once
// A TLS acceptor whose streams say that they are TLS and are not: so a dialog can be read. For tests only.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/stream.h"
#include "tls/tls.h"

namespace tests {

class PlainTls final : public net::Stream {
 public:
  PlainTls(std::unique_ptr<net::Stream> stream, std::vector<std::string> client_names) : stream_(std::move(stream)) {
    info_.client_names = std::move(client_names);
  }
  net::Task<net::Ready> wait() override { return stream_->wait(); }
  net::Task<std::size_t> read(std::span<char> into) override { return stream_->read(into); }
  net::Task<void> write(std::string_view data) override { return stream_->write(data); }
  void wake() override { stream_->wake(); }
  void set_deadline(base::SteadyTime deadline) override { stream_->set_deadline(deadline); }
  void close() noexcept override { stream_->close(); }
  net::Task<void> shutdown() override { return stream_->shutdown(); }
  const net::Endpoints& endpoints() const override { return stream_->endpoints(); }
  const net::TlsInfo* tls() const override { return &info_; }
  std::string channel_binding(net::ChannelBinding kind) const override {
    return kind == net::ChannelBinding::tls_exporter ? "exported" : "end point";
  }

 private:
  std::unique_ptr<net::Stream> stream_;
  net::TlsInfo info_{.version = "TLSv1.3",
                     .cipher = "none",
                     .server_name = {},
                     .resumed = false,
                     .can_bind = true,
                     .client_names = {}};
};

/// `client_names`: the addresses in the client's certificate, if it has one.
class PlainAcceptor final : public tls::Acceptor {
 public:
  explicit PlainAcceptor(std::vector<std::string> client_names = {}) : client_names_(std::move(client_names)) {}
  net::Task<std::unique_ptr<net::Stream>> accept(std::unique_ptr<net::Stream> plain) const override {
    co_return std::make_unique<PlainTls>(std::move(plain), client_names_);
  }

 private:
  const std::vector<std::string> client_names_;
};

}  // namespace tests

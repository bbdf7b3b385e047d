#include "net/proxied_stream.h"

#include <algorithm>

namespace net {
namespace {

class ProxiedStream final : public Stream {
 public:
  ProxiedStream(std::unique_ptr<Stream> inner, Endpoints endpoints, std::string ahead)
      : inner_(std::move(inner)), endpoints_(std::move(endpoints)), ahead_(std::move(ahead)) {}

  Task<Ready> wait() override { return ahead_.empty() ? inner_->wait() : at_once(); }
  Task<std::size_t> read(std::span<char> into) override { return ahead_.empty() ? inner_->read(into) : take(into); }
  Task<void> write(std::string_view data) override { return inner_->write(data); }
  void wake() override { inner_->wake(); }
  void set_deadline(base::SteadyTime deadline) override { inner_->set_deadline(deadline); }
  void close() noexcept override {
    ahead_ = {};
    inner_->close();
  }
  Task<void> shutdown() override { return inner_->shutdown(); }
  const Endpoints& endpoints() const override { return endpoints_; }
  Traffic traffic() const override { return inner_->traffic(); }

 private:
  static Task<Ready> at_once() { co_return Ready::data; }
  Task<std::size_t> take(std::span<char> into) {
    const std::size_t count = ahead_.copy(into.data(), into.size());
    ahead_.erase(0, count);
    if (ahead_.empty()) ahead_.shrink_to_fit();
    co_return count;
  }

  std::unique_ptr<Stream> inner_;
  const Endpoints endpoints_;
  std::string ahead_;
};

}  // namespace

Task<std::unique_ptr<Stream>> read_proxy_header(std::unique_ptr<Stream> stream, base::SteadyTime deadline,
                                                ProxyHeader::Kind& kind) {
  stream->set_deadline(deadline);
  std::string input;
  std::optional<ProxyHeader> header;
  while (!header) {
    const std::size_t before = input.size();
    input.resize(std::max<std::size_t>(256, 2 * before));
    const std::size_t count = co_await stream->read(std::span(input).subspan(before));
    input.resize(before + count);
    if (count == 0) throw Closed(Closed::Why::peer, "it ended before its PROXY header was whole");
    auto parsed = parse_proxy_header(input);
    if (!parsed) throw Closed(Closed::Why::local, "PROXY header: " + parsed.error());
    header = *std::move(parsed);
  }
  stream->set_deadline(base::SteadyTime::max());
  kind = header->kind;
  Endpoints endpoints = kind == ProxyHeader::Kind::local ? stream->endpoints() : std::move(header->endpoints);
  input.erase(0, header->size);
  co_return std::make_unique<ProxiedStream>(std::move(stream), std::move(endpoints), std::move(input));
}

}  // namespace net

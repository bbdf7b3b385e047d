#include "imap/deflate_stream.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <new>
#include <vector>

namespace imap {
namespace {

using net::Ready;
using net::Task;

constexpr int kTheirWindow = -15;  // raw DEFLATE; they may use all of it
constexpr int kOurWindow = -12;    // 4 KiB: answers repeat themselves within that
constexpr int kOurMemory = 5;      // with that window 32 KiB in all
constexpr int kLevel = 3;
constexpr std::size_t kRead = 4096;    // compressed bytes at once
constexpr std::size_t kWrite = 16384;  // the same
constexpr std::size_t kStash = 256;

class DeflateStream final : public net::Stream {
 public:
  explicit DeflateStream(std::unique_ptr<net::Stream> inner) : inner_(std::move(inner)) {
    if (inflateInit2(&in_, kTheirWindow) != Z_OK) throw std::bad_alloc();
    if (deflateInit2(&out_, kLevel, Z_DEFLATED, kOurWindow, kOurMemory, Z_DEFAULT_STRATEGY) != Z_OK) {
      inflateEnd(&in_);
      throw std::bad_alloc();
    }
  }
  ~DeflateStream() override {
    inflateEnd(&in_);
    deflateEnd(&out_);
  }
  DeflateStream(const DeflateStream&) = delete;
  DeflateStream& operator=(const DeflateStream&) = delete;

  /// That bytes have come is not enough: they may be no more than the beginning of a block, which gives nothing to
  /// read.
  Task<Ready> wait() override {
    for (;;) {
      if (!stash_.empty() || ended_ || inflate_to_stash()) co_return Ready::data;
      if (co_await inner_->wait() == Ready::woken) co_return Ready::woken;
      co_await refill();
    }
  }

  Task<std::size_t> read(std::span<char> into) override {
    if (!stash_.empty()) {
      const std::size_t count = stash_.copy(into.data(), into.size());
      stash_.erase(0, count);
      if (stash_.empty()) stash_ = {};
      co_return count;
    }
    for (;;) {
      if (const std::size_t count = inflate_some(into); count > 0 || ended_) co_return count;
      co_await refill();
    }
  }

  Task<void> write(std::string_view data) override {
    out_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
    out_.avail_in = static_cast<uInt>(data.size());
    std::string block;
    for (bool more = true; more;) {
      block.resize(kWrite);
      out_.next_out = reinterpret_cast<Bytef*>(block.data());
      out_.avail_out = static_cast<uInt>(block.size());
      deflate(&out_, Z_SYNC_FLUSH);
      more = out_.avail_out == 0;
      block.resize(block.size() - out_.avail_out);
      if (!block.empty()) co_await inner_->write(block);
    }
  }

  void wake() override { inner_->wake(); }
  void set_deadline(base::SteadyTime deadline) override { inner_->set_deadline(deadline); }
  void close() noexcept override { inner_->close(); }
  Task<void> shutdown() override { return inner_->shutdown(); }
  const net::Endpoints& endpoints() const override { return inner_->endpoints(); }
  const net::TlsInfo* tls() const override { return inner_->tls(); }
  net::Traffic traffic() const override { return inner_->traffic(); }
  std::string channel_binding(net::ChannelBinding kind) const override { return inner_->channel_binding(kind); }

 private:
  /// More compressed bytes, or the end. The buffer is filled only when the read completes (net/stream.h).
  Task<void> refill() {
    std::array<char, kRead> buffer;
    const std::size_t count = co_await inner_->read(buffer);
    ended_ = count == 0;
    compressed_.assign(buffer.data(), count);
    at_ = 0;
  }

  /// Bytes that were decompressed; 0: there is nothing more in what has come.
  std::size_t inflate_some(std::span<char> into) {
    in_.next_in = reinterpret_cast<Bytef*>(compressed_.data() + at_);
    in_.avail_in = static_cast<uInt>(compressed_.size() - at_);
    in_.next_out = reinterpret_cast<Bytef*>(into.data());
    in_.avail_out = static_cast<uInt>(into.size());
    const int state = inflate(&in_, Z_SYNC_FLUSH);
    at_ = compressed_.size() - in_.avail_in;
    const std::size_t count = into.size() - in_.avail_out;
    if (at_ == compressed_.size()) {
      compressed_ = {};
      at_ = 0;
    }
    if (state == Z_STREAM_END) ended_ = true;  // a client that goes
    // Z_BUF_ERROR: there is nothing to go on with, which is no error.
    if (state != Z_OK && state != Z_STREAM_END && state != Z_BUF_ERROR) {
      throw net::Closed(net::Closed::Why::peer, "it sent what is not compressed");
    }
    return count;
  }

  bool inflate_to_stash() {
    std::array<char, kStash> some;
    stash_.assign(some.data(), inflate_some(some));
    return !stash_.empty() || ended_;
  }

  std::unique_ptr<net::Stream> inner_;
  z_stream in_{};
  z_stream out_{};
  std::string compressed_;  // what was read and not decompressed
  std::size_t at_ = 0;
  std::string stash_;  // what wait() has decompressed
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<net::Stream> make_deflate_stream(std::unique_ptr<net::Stream> inner) {
  return std::make_unique<DeflateStream>(std::move(inner));
}

}  // namespace imap

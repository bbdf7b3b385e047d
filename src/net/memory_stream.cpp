#include "net/memory_stream.h"

#include "net/operations.h"

namespace net {

namespace {

// One end of a pair: what it will read, and its operations. The other end appends and ends.
struct End : Operations {
  using Operations::Operations;

  std::string inbox;
  std::size_t taken = 0;     // bytes of inbox that have been read
  bool ended = false;        // the peer has shut down its side, or is gone
  std::weak_ptr<End> other;  // empty once the peer is gone
  bool shut = false;         // this side has ended

  bool readable() const { return taken < inbox.size() || ended; }
  void arrived() {
    if (reader.handle) post_resume(&Operations::reader);
  }
};

using Shared = std::shared_ptr<End>;

// Like the socket's operations these hold the end, not the stream, so that a stream may be destroyed under them.

Task<Ready> wait_on(Shared end) {
  while (true) {
    end->check();
    if (end->readable()) co_return Ready::data;
    if (std::exchange(end->woken, false)) co_return Ready::woken;
    co_await end->suspend(end->reader, true);
  }
}

Task<std::size_t> read_from(Shared end, std::span<char> into) {
  ENSURE(!into.empty());
  while (true) {
    end->check();
    if (end->readable()) break;
    co_await end->suspend(end->reader);
  }
  const std::size_t n = end->inbox.copy(into.data(), into.size(), end->taken);
  end->taken += n;
  if (end->taken == end->inbox.size()) {
    end->inbox.clear();
    end->taken = 0;
  }
  co_return n;
}

Task<void> write_to(Shared end, std::string_view data) {
  end->check();
  const Shared other = end->other.lock();
  if (!other || other->closed() || end->shut) throw Closed(Closed::Why::peer, "the other end is gone");
  other->inbox += data;
  other->arrived();
  co_return;
}

void end_side(End& end) noexcept {
  end.shut = true;
  if (const Shared other = end.other.lock(); other && !other->closed()) {
    other->ended = true;
    other->arrived();
  }
}

Task<void> shutdown_of(Shared end) {
  if (!end->closed()) end_side(*end);
  co_return;
}

class PairStream final : public Stream {
 public:
  PairStream(Shared end, Endpoints endpoints) : end_(std::move(end)), endpoints_(std::move(endpoints)) {}
  ~PairStream() override { close(); }

  Task<Ready> wait() override { return wait_on(end_); }
  Task<std::size_t> read(std::span<char> into) override { return read_from(end_, into); }
  Task<void> write(std::string_view data) override { return write_to(end_, data); }
  void wake() override { end_->wake(); }
  void set_deadline(base::SteadyTime deadline) override { end_->set_deadline(deadline); }
  void close() noexcept override {
    if (end_->closed()) return;
    end_side(*end_);
    end_->close_operations();
  }
  Task<void> shutdown() override { return shutdown_of(end_); }
  const Endpoints& endpoints() const override { return endpoints_; }

 private:
  Shared end_;
  Endpoints endpoints_;
};

// Never suspends: its input is all there, and ends.
class ScriptedStream final : public Stream {
 public:
  ScriptedStream(Script script, std::string& output) : script_(std::move(script)), output_(output) {
    ENSURE(script_.piece > 0);
  }

  Task<Ready> wait() override {
    step();
    co_return Ready::data;
  }
  Task<std::size_t> read(std::span<char> into) override {
    ENSURE(!into.empty());
    step();
    const std::size_t n = script_.input.copy(into.data(), std::min(into.size(), script_.piece), at_);
    at_ += n;
    co_return n;
  }
  Task<void> write(std::string_view data) override {
    step();
    output_ += data;
    co_return;
  }
  void wake() override {}  // data, or the end of it, always wins
  void set_deadline(base::SteadyTime deadline) override { deadline_ = deadline; }
  void close() noexcept override { closed_ = true; }
  Task<void> shutdown() override { co_return; }
  const Endpoints& endpoints() const override { return script_.endpoints; }

 private:
  void step() {
    if (closed_) throw Closed(Closed::Why::local);
    if (deadline_ <= std::chrono::steady_clock::now()) throw Closed(Closed::Why::timeout);
    if (steps_ == script_.fail_after) throw Closed(Closed::Why::peer);
    ++steps_;
  }

  Script script_;
  std::string& output_;
  std::size_t at_ = 0;
  std::size_t steps_ = 0;
  base::SteadyTime deadline_ = base::SteadyTime::max();
  bool closed_ = false;
};

}  // namespace

std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> memory_pair(Endpoints first, Endpoints second) {
  Loop* loop = Loop::current();
  ENSURE(loop != nullptr);
  auto a = std::make_shared<End>(*loop);
  auto b = std::make_shared<End>(*loop);
  a->other = b;
  b->other = a;
  return {std::make_unique<PairStream>(std::move(a), std::move(first)),
          std::make_unique<PairStream>(std::move(b), std::move(second))};
}

std::unique_ptr<Stream> scripted_stream(Script script, std::string& output) {
  return std::make_unique<ScriptedStream>(std::move(script), output);
}

}  // namespace net

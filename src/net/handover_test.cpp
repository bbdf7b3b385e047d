// A value that comes when the coroutine that waited for it is still there, and when it is not.

#include "net/handover.h"

#include <doctest/doctest.h>

#include <thread>

namespace net {
namespace {

Task<void> wait_into(std::shared_ptr<Handover<int>> handover, int* into, Loop* loop) {
  *into = co_await Handover<int>::wait(std::move(handover));
  loop->stop();
}

TEST_CASE("the value arrives on the loop of who waits") {
  const auto handover = std::make_shared<Handover<int>>();
  Loop loop;
  int got = 0;
  loop.spawn(wait_into(handover, &got, &loop));
  std::thread other([&] { handover->set(7); });
  loop.run();
  other.join();
  CHECK_EQ(got, 7);
}

TEST_CASE("a value for who is gone touches neither it nor its loop") {
  const auto handover = std::make_shared<Handover<int>>();
  int got = 0;
  {
    Loop loop;
    loop.spawn(wait_into(handover, &got, &loop));
    loop.post([&loop] { loop.stop(); });
    loop.run();
  }
  handover->set(7);
  CHECK_EQ(got, 0);
}

}  // namespace
}  // namespace net

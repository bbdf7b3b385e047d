#include "app/systemd.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <future>
#include <thread>

namespace {

/// The supervisor's end of sd_notify.
class Hearing {
 public:
  Hearing() : name_("@postrider-test-" + std::to_string(::getpid())) {
    fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name_.copy(address.sun_path, name_.size());
    address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name_.size());
    REQUIRE(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), length) == 0);
  }
  ~Hearing() { ::close(fd_); }
  const char* name() const { return name_.c_str(); }
  std::string next() const {
    char text[1000];
    const ssize_t size = ::recv(fd_, text, sizeof text, 0);
    return size < 0 ? "" : std::string(text, static_cast<std::size_t>(size));
  }

 private:
  std::string name_;
  int fd_;
};

}  // namespace

TEST_CASE("sockets that are handed over have the names of listeners") {
  using Names = std::vector<std::string>;
  CHECK(app::parse_handed("7", "7", "3", "smtp:imaps:imaps").value() == Names{"smtp", "imaps", "imaps"});
  CHECK(app::parse_handed("7", "8", "3", "smtp:imaps:imaps").value().empty());  // they are another process's
  CHECK(app::parse_handed("7", "", "", "").value().empty());
  CHECK(app::parse_handed("7", "7", "0", "").value().empty());
  for (const char* count : {"-1", "1001", "x", "1x", "99999999999999999999"})
    CHECK_FALSE(app::parse_handed("7", "7", count, "smtp").has_value());
  CHECK_FALSE(app::parse_handed("7", "7", "2", "smtp").has_value());
  CHECK_FALSE(app::parse_handed("7", "7", "1", "").has_value());
}

TEST_CASE("the supervisor hears how we are, in its words") {
  const Hearing hearing;
  ::setenv("NOTIFY_SOCKET", hearing.name(), 1);
  ::setenv("WATCHDOG_USEC", "3000000", 1);
  const auto supervisor = app::Supervisor::of_environment();
  CHECK(std::getenv("NOTIFY_SOCKET") == nullptr);
  CHECK(std::getenv("WATCHDOG_USEC") == nullptr);
  CHECK(supervisor.pulse() == std::chrono::milliseconds(1500));
  supervisor.ready("Serving");
  CHECK(hearing.next() == "READY=1\nSTATUS=Serving");
  supervisor.reloading();
  const std::string reloading = hearing.next();
  CHECK(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="));
  CHECK(std::atoll(reloading.c_str() + 27) > 0);
  supervisor.alive();
  CHECK(hearing.next() == "WATCHDOG=1");
  supervisor.stopping();
  CHECK(hearing.next() == "STOPPING=1\nSTATUS=Stopping");
  const auto nobody = app::Supervisor::of_environment();
  nobody.ready("Serving");
  CHECK_FALSE(nobody.pulse().has_value());
  CHECK(hearing.next().empty());
}

TEST_CASE("the heart beats as long as every loop turns") {
  net::Loops loops(2);
  app::Heartbeat heart(loops);
  const auto beats = [&heart] {
    for (int i = 0; i < 1000; ++i) {
      if (heart.beat()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
  };
  CHECK(beats());
  CHECK(beats());
  std::promise<void> release;
  std::promise<void> stuck;
  loops.at(1).post([&] {
    stuck.set_value();
    release.get_future().wait();
  });
  stuck.get_future().wait();
  beats();  // what was asked before it hung
  for (int i = 0; i < 50; ++i) {
    CHECK_FALSE(heart.beat());
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  release.set_value();
  CHECK(beats());
}

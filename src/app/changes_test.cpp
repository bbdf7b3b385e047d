#include "app/changes.h"

#include <doctest/doctest.h>

namespace {

app::Config house() {
  app::Config config;
  config.hostname = "mail.example.org";
  config.listeners = app::standard_listeners();
  config.settle();
  return config;
}

}  // namespace

TEST_CASE("what is the same changes nothing") {
  app::Config next = house();
  const auto changes = app::compare(house(), next);
  CHECK(changes.changed.empty());
  CHECK(changes.waiting.empty());
}

TEST_CASE("each setting that differs is named with its new value, and what needs a restart stays as it is") {
  app::Config next = house();
  next.max_message_bytes = 10 << 20;
  next.threads = 7;
  next.hostname = "other.example.org";
  next.listeners[0].port = 2525;
  next.listeners.erase(next.listeners.begin() + 1);
  next.listeners.push_back(app::Listener::standard("more", app::Protocol::imap));
  const auto changes = app::compare(house(), next);
  CHECK(changes.changed == std::vector<std::string>{"limits.message_size = \"10 MiB\"", "listener.submission removed",
                                                    "listener.smtp.port = 2525", "listener.more added"});
  CHECK(changes.waiting == std::vector<std::string>{"hostname = \"other.example.org\"", "threads = 7"});
  CHECK(next.hostname == "mail.example.org");
  CHECK(next.threads == 0);
  CHECK(next.smtp.hostname == "mail.example.org");
  CHECK(next.smtp.max_message_bytes == 10 << 20);
}

#include "app/dev.h"
#include "app/key_files.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

TEST_CASE("developer mode shifts the ports, trusts loopback and keeps the name of the server out of its mail domain") {
  const auto config = app::dev_config({.directory = "/tmp/x", .base_port = 3000}).value();
  std::vector<std::uint16_t> ports;
  for (const auto& listener : config.listeners) {
    ports.push_back(listener.port);
    CHECK(listener.addresses == std::vector<std::string>{"127.0.0.1"});
    CHECK(base::contains(listener.trusted, "127.0.0.1"));
    CHECK(base::contains(listener.trusted, "::1"));
    CHECK_FALSE(base::contains(listener.trusted, "192.0.2.1"));
    CHECK(listener.plaintext_auth);
  }
  CHECK(ports == std::vector<std::uint16_t>{3025, 3587, 3465, 3143, 3993});
  CHECK(config.hostname == "mail.example.test");
  CHECK(config.connections.connections >= 2000);
  CHECK_FALSE(config.store.no_sync);
}

TEST_CASE("options that cannot be are refused in words") {
  CHECK(app::dev_config({.directory = "/tmp/x", .base_port = 65000}).error().text ==
        "--base-port must be from 1024 to 64511");
  CHECK(app::dev_config({.directory = "/tmp/x", .base_port = 25}).error().code == base::Code::invalid);
  CHECK(app::dev_config({.directory = "/tmp/x", .host = "localhost"})
            .error()
            .text.starts_with("--host must be a numeric address"));
  CHECK_FALSE(app::dev_config({.directory = ""}).has_value());
  CHECK_FALSE(app::dev_config({.directory = "/tmp/x", .domain = "no domain"}).has_value());
  CHECK_FALSE(app::dev_config({.directory = "/tmp/x", .password = ""}).has_value());
  CHECK_FALSE(app::dev_config({.directory = "/tmp/x", .users = 1'000'000}).has_value());
}

TEST_CASE("the certificate of developer mode is made once, is renewed when it has expired, and its key is private") {
  const std::filesystem::path directory =
      std::filesystem::temp_directory_path() / ("postrider-dev-" + std::to_string(::getpid()));
  std::filesystem::create_directories(directory);
  const auto now = base::system_clock().now();
  const auto files = app::dev_certificate(directory, {"mail.example.test", "127.0.0.1"}, now).value();
  const auto first = app::read_key_pair(files, *app::in_this_process()).value();
  CHECK(app::dev_certificate(directory, {"mail.example.test"}, now).has_value());
  CHECK(app::read_key_pair(files, *app::in_this_process())->certificate_pem == first.certificate_pem);
  struct stat info{};
  REQUIRE(::stat(files.key.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  CHECK(app::dev_certificate(directory, {"mail.example.test"}, now + std::chrono::hours(24 * 365 * 11)).has_value());
  CHECK(app::read_key_pair(files, *app::in_this_process())->certificate_pem != first.certificate_pem);
  std::filesystem::remove_all(directory);
}

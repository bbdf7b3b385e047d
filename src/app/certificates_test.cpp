// Certificates as an operator renews them: files that come late, half a pair, links that are swapped, an end that
// nears.
#include "app/certificates.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "app/key_files.h"

namespace {

namespace fs = std::filesystem;
using std::chrono::days;

class Turned final : public base::Clock {
 public:
  base::WallTime now() const override { return time; }
  base::SteadyTime steady() const override { return base::system_clock().steady(); }
  base::WallTime time = base::system_clock().now();
};

struct House {
  House() : path(fs::temp_directory_path() / ("postrider-certificates-" + std::to_string(::getpid()))) {
    fs::remove_all(path);
    fs::create_directories(path);
    config.listeners = {app::Listener::standard("imaps", app::Protocol::imaps)};
    config.tls = {.certificate = path / "c.pem", .key = path / "k.pem"};
  }
  ~House() { fs::remove_all(path); }

  tls::KeyPair made(const std::string& name = "mail.example.test") const {
    return *tls::make_self_signed({name}, clock.time);
  }
  static void put(const fs::path& file, const std::string& text) { std::ofstream(file) << text; }
  void put(const tls::KeyPair& pair) const {
    put(path / "c.pem", pair.certificate_pem);
    put(path / "k.pem", pair.key_pem);
  }
  bool start() {
    auto prepared = certificates.prepare(config);
    if (!prepared) return false;
    certificates.adopt(*std::move(prepared));
    return true;
  }
  std::string state() const { return certificates.status().at(0).state; }

  fs::path path;
  Turned clock;
  app::Config config;
  std::unique_ptr<app::Privileged> privileged = app::in_this_process();
  app::Certificates certificates{*privileged, clock, base::Log()};
};

}  // namespace

TEST_CASE("a renewal is taken up when both files fit, and until then the old pair serves") {
  House house;
  house.put(house.made());
  REQUIRE(house.start());
  const auto before = house.certificates.acceptor("imaps");
  REQUIRE(before != nullptr);
  CHECK(house.state() == "fine");
  CHECK_FALSE(house.certificates.refresh());
  const auto renewed = house.made();
  House::put(house.path / "c.pem", renewed.certificate_pem);
  CHECK(house.certificates.refresh());  // that something is wrong is news
  CHECK(house.state() == "mismatched");
  CHECK_FALSE(house.certificates.refresh());
  House::put(house.path / "k.pem", renewed.key_pem.substr(0, 40));
  house.certificates.refresh();
  CHECK(house.state() == "mismatched");
  CHECK(house.certificates.acceptor("imaps") != nullptr);
  fs::remove(house.path / "k.pem");
  house.certificates.refresh();
  CHECK(house.state() == "missing");
  CHECK(house.certificates.status().at(0).not_after.has_value());
  House::put(house.path / "k.pem", renewed.key_pem);
  CHECK(house.certificates.refresh());
  CHECK(house.state() == "fine");
  CHECK(house.certificates.acceptor("imaps") != before);
}

TEST_CASE("what is not there yet is waited for, and what does not fit keeps a configuration from being adopted") {
  House house;
  REQUIRE(house.start());
  CHECK(house.certificates.acceptor("imaps") == nullptr);
  CHECK(house.state() == "missing");
  CHECK_FALSE(house.certificates.refresh());
  const auto pair = house.made();
  House::put(house.path / "c.pem", pair.certificate_pem);
  house.certificates.refresh();
  CHECK(house.certificates.acceptor("imaps") == nullptr);
  house.put(pair);
  CHECK(house.certificates.refresh());
  CHECK(house.certificates.acceptor("imaps") != nullptr);

  House::put(house.path / "other.pem", house.made().key_pem);
  app::Config broken = house.config;
  broken.tls.key = house.path / "other.pem";
  const auto refused = house.certificates.prepare(broken);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().text.find("other.pem") != std::string::npos);
  House::put(house.path / "k.pem", "half");
  CHECK(house.certificates.prepare(house.config).has_value());  // it is in use with a pair that fits
}

TEST_CASE("directories as Kubernetes and certbot make them, whose links are swapped") {
  House house;
  const fs::path& top = house.path;
  for (const auto& [names, certificate, key] :
       {std::tuple("kubernetes", "tls.crt", "tls.key"), std::tuple("certbot", "fullchain.pem", "privkey.pem")}) {
    const fs::path mount = top / names;
    for (const char* version : {"..1", "..2"}) {
      const auto pair = house.made();
      fs::create_directories(mount / version);
      House::put(mount / version / certificate, pair.certificate_pem);
      House::put(mount / version / key, pair.key_pem);
    }
    fs::create_directory_symlink("..1", mount / "..data");
    fs::create_symlink(fs::path("..data") / certificate, mount / certificate);
    fs::create_symlink(fs::path("..data") / key, mount / key);
    house.config.tls = {.certificate = mount, .key = {}};
    REQUIRE(house.start());
    const auto before = house.certificates.acceptor("imaps");
    REQUIRE(before != nullptr);
    fs::create_directory_symlink("..2", mount / "..data_tmp");
    fs::rename(mount / "..data_tmp", mount / "..data");
    CHECK(house.certificates.refresh());
    CHECK(house.certificates.acceptor("imaps") != before);
  }
  house.config.tls = {.certificate = top / "kubernetes" / "tls.crt", .key = {}};
  CHECK(house.start());  // no directory: there is nothing in it
  CHECK(house.state() == "missing");
}

TEST_CASE("each listener has the certificate that it names, and the first one without a name") {
  House house;
  const auto add = [&](const std::string& name) {
    const auto pair = house.made(name + ".example.test");
    House::put(house.path / (name + ".crt"), pair.certificate_pem);
    House::put(house.path / (name + ".key"), pair.key_pem);
    house.config.certificates.push_back(
        {.name = name,
         .files = {.certificate = house.path / (name + ".crt"), .key = house.path / (name + ".key")},
         .domains = {}});
  };
  add("a");
  add("b");
  house.config.listeners.push_back(app::Listener::standard("other", app::Protocol::imaps));
  house.config.listeners[1].certificate = "b";
  house.config.listeners.push_back(app::Listener::standard("plain", app::Protocol::imap));
  house.config.listeners[2].tls = app::TlsMode::none;
  REQUIRE(house.start());
  CHECK(house.certificates.acceptor("imaps") == nullptr);  // the default one is not there
  const auto other = house.certificates.acceptor("other");
  CHECK(other != nullptr);
  CHECK(house.certificates.acceptor("plain") == nullptr);
  CHECK(house.certificates.acceptor("unknown") == nullptr);
  house.config.tls = {};
  REQUIRE(house.start());
  CHECK(house.certificates.acceptor("imaps") != nullptr);
  CHECK(house.certificates.acceptor("imaps") != house.certificates.acceptor("other"));
}

TEST_CASE("the authorities of clients have to be there at first, and later what they were is kept") {
  House house;
  house.put(house.made());
  const fs::path people = house.path / "people.pem";
  house.config.listeners[0].client_ca = people;
  CHECK(!house.start());
  House::put(people, house.made("people").certificate_pem);
  REQUIRE(house.start());
  const auto first = house.certificates.acceptor("imaps");
  REQUIRE(first != nullptr);
  House::put(people, "half of");
  CHECK(house.certificates.refresh());
  CHECK(!house.certificates.refresh());  // told once
  CHECK(house.start());                  // no reload is kept from anything else
  House::put(people, house.made("others").certificate_pem);
  CHECK(house.certificates.refresh());
  CHECK(house.certificates.acceptor("imaps") != first);
  CHECK(!house.certificates.refresh());
}

TEST_CASE("a certificate nears its end: expiring, and then expired") {
  House house;
  house.put(house.made());
  REQUIRE(house.start());
  const base::WallTime end = house.certificates.status().at(0).not_after.value();
  for (const auto& [left, state] : {std::pair(days(31), "fine"), std::pair(days(30), "expiring"),
                                    std::pair(days(1), "expiring"), std::pair(days(0), "expired")}) {
    house.clock.time = end - left;
    CHECK_FALSE(house.certificates.refresh());
    CHECK(house.state() == state);
  }
}

// A configuration of several files and of the environment.
#include <doctest/doctest.h>

#include <algorithm>

#include "app/config.h"

namespace {

using Files = std::map<std::string, std::string>;

/// The files are there and no others; a pattern finds those that begin and end as it does.
app::Sources sources(Files files, std::map<std::string, std::string> environment = {}) {
  return {.environment = std::move(environment),
          .file = [files](const std::string& path, std::size_t) -> base::Result<std::string> {
            const auto found = files.find(path);
            if (found != files.end()) return found->second;
            return base::fail(base::Code::not_found, "cannot read " + path + ": it does not exist");
          },
          .files = [files](const std::string& pattern) -> base::Result<std::vector<std::string>> {
            const std::size_t star = pattern.find('*');
            std::vector<std::string> names;
            for (const auto& [name, text] : files) {
              if (name.starts_with(pattern.substr(0, star)) && name.ends_with(pattern.substr(star + 1)))
                names.push_back(name);
            }
            return names;
          }};
}

app::Loaded load(Files files, std::map<std::string, std::string> environment = {}) {
  return app::load_file("/etc/p.toml", app::Config{}, sources(std::move(files), std::move(environment)));
}

std::string mistakes(const app::Loaded& loaded) { return app::located(loaded.mistakes); }

const std::string kHost = "hostname = \"mail.example.org\"\n";

}  // namespace

TEST_CASE("an included file wins over the one that names it, and the later of several over the earlier") {
  const auto loaded =
      load({{"/etc/p.toml", "include = [\"conf.d/*.toml\", \"/run/last.toml\"]\n" + kHost +
                                "threads = 1\nworkers = 1\n[limits]\nrecipients = 100\nhops = 11\n[log]\nlevel = "
                                "\"debug\"\n"},
            {"/etc/conf.d/10.toml", "threads = 2\n[limits]\nrecipients = 200\n"},
            {"/etc/conf.d/20.toml", "[limits]\nrecipients = 300\n[listener.mx]\nprotocol = \"imap\"\n"},
            {"/etc/conf.d/README", "no TOML"},
            {"/run/last.toml", "include = \"more.toml\"\n[log]\nlevel = \"error\"\n"},
            {"/run/more.toml", "[listener.mx]\nport = 1143\n"}});
  CHECK(mistakes(loaded) == "");
  CHECK(loaded.config.threads == 2);
  CHECK(loaded.config.workers == 1);
  CHECK(loaded.config.smtp.max_recipients == 300);
  CHECK(loaded.config.delivery.max_received_fields == 11);
  CHECK(loaded.config.log_level == base::Level::error);
  REQUIRE(loaded.config.listeners.size() == 1);
  CHECK(loaded.config.listeners[0].protocol == app::Protocol::imap);
  CHECK(loaded.config.listeners[0].port == 1143);
  CHECK(loaded.inputs.files == std::vector<std::string>{"/etc/p.toml", "/etc/conf.d/10.toml", "/etc/conf.d/20.toml",
                                                        "/run/last.toml", "/run/more.toml"});
  CHECK(loaded.inputs.patterns == std::vector<std::string>{"/etc/conf.d/*.toml"});
  CHECK(loaded.origin("listener.mx.port").file == "/run/more.toml");
}

TEST_CASE("a protocol that a later file gives is the one whose port a listener gets") {
  const auto loaded = load({{"/etc/p.toml", "include = \"a.toml\"\n" + kHost + "[listener.x]\ntrusted = \"::1\"\n"},
                            {"/etc/a.toml", "[listener.x]\nprotocol = \"imaps\"\n"}});
  CHECK(mistakes(loaded) == "");
  CHECK(loaded.config.listeners.at(0).port == 993);
  CHECK(loaded.config.listeners.at(0).tls == app::TlsMode::implicit);
}

TEST_CASE("a mistake names the file and the line that it stands in") {
  CHECK(mistakes(load({{"/etc/p.toml", "include = [\"b.toml\", \"a.toml\"]\nworkers = 0\n" + kHost},
                       {"/etc/a.toml", "\nthreads = 999\n"},
                       {"/etc/b.toml", "usr = 1\n[log]\nlevel = \"loud\"\n"}})) ==
        "/etc/p.toml:2: workers must be a number from 1 to 256, not 0\n"
        "/etc/b.toml:1: unknown key usr; the nearest known one is user\n"
        "/etc/b.toml:3: log.level must be one of \"debug\", \"info\", \"warning\", \"error\", not \"loud\"\n"
        "/etc/a.toml:2: threads must be a number from 0 to 256, not 999");
  CHECK(mistakes(load({{"/etc/p.toml", kHost + "include = [\"no.toml\", \"x/*.toml\"]\n"}})) ==
        "/etc/p.toml:2: include: cannot read /etc/no.toml: it does not exist");
  CHECK(mistakes(load({{"/etc/p.toml", kHost + "include = 5\n"}})) ==
        "/etc/p.toml:2: include must be a file's name, or a list of names, such as [\"conf.d/*.toml\"]");
  CHECK(mistakes(load({{"/etc/p.toml", kHost + "include = \"a.toml\"\n"}, {"/etc/a.toml", "\n\nx = \n"}}))
            .starts_with("/etc/a.toml:3: not TOML: "));
  CHECK(mistakes(load({})) == "/etc/p.toml: cannot read /etc/p.toml: it does not exist");
}

TEST_CASE("what goes in a circle, too deep or into too many files is named, and ends") {
  CHECK(mistakes(load({{"/etc/p.toml", "include = \"a.toml\"\n"}, {"/etc/a.toml", "\ninclude = \"p.toml\"\n"}})) ==
        "/etc/a.toml:2: include goes in a circle: /etc/p.toml includes /etc/a.toml includes /etc/p.toml");
  // Under ever new names, as through links.
  auto endless = sources({{"/etc/p.toml", "include = \"x/p.toml\"\n"}});
  endless.file = [](const std::string&, std::size_t) { return base::Result<std::string>("include = \"x/p.toml\"\n"); };
  const auto deep = app::load_file("/etc/p.toml", app::Config{}, endless);
  REQUIRE(deep.mistakes.size() == 1);
  CHECK(deep.mistakes[0].text.ends_with("is more than 8 files deep"));
  // Each includes ten that include ten.
  endless.file = [](const std::string& path, std::size_t) {
    std::string names;
    for (char c = 'a'; c <= 'j'; ++c)
      names += (names.empty() ? "\"" : ", \"") + std::string(1, c) + path.substr(5) + "\"";
    return base::Result<std::string>("include = [" + names + "]\n");
  };
  const auto many = app::load_file("/etc/p.toml", app::Config{}, endless);
  CHECK(std::ranges::any_of(many.mistakes,
                            [](const auto& m) { return m.text == "include: more than 200 files in all"; }));
  CHECK(many.inputs.files.size() <= 201);
}

TEST_CASE("variables of the environment win over all files") {
  const auto loaded = load({{"/etc/p.toml", "include = \"a.toml\"\n"}, {"/etc/a.toml", kHost + "threads = 2\n"}},
                           {{"POSTRIDER_HOSTNAME", "mx.example.net"},
                            {"POSTRIDER_THREADS", "3"},
                            {"POSTRIDER_LIMITS_MESSAGE_SIZE", "10 MiB"},
                            {"POSTRIDER_LISTENER_SMTP_PORT", "2525"},
                            {"POSTRIDER_LISTENER_SMTP_TRUSTED", "10.0.0.0/8, ${env:MORE}"},
                            {"POSTRIDER_LISTENER_SMTP_PLAINTEXT_AUTH", "false"},
                            {"POSTRIDER_LISTENER_EXTRA_MX_PROTOCOL", "smtp"},
                            {"POSTRIDER_LISTENER_EXTRA_MX_PORT", "2626"},
                            {"MORE", "::1"},
                            {"POSTRIDER", "not one of them"}});
  CHECK(mistakes(loaded) == "");
  const app::Config& c = loaded.config;
  CHECK(c.hostname == "mx.example.net");
  CHECK(c.threads == 3);
  CHECK(c.max_message_bytes == 10 << 20);
  REQUIRE(c.listeners.size() == 6);
  CHECK(c.listeners[0].port == 2525);
  CHECK(base::contains(c.listeners[0].trusted, "::1"));
  CHECK(base::contains(c.listeners[0].trusted, "10.1.1.1"));
  CHECK(c.listeners[1].port == 587);
  CHECK(c.listeners[5].name == "extra_mx");
  CHECK(c.listeners[5].port == 2626);
}

TEST_CASE("listeners of a file are found by their variables, and no standard ones come to them") {
  const auto loaded = load({{"/etc/p.toml", kHost + "[listener.in-side]\nprotocol = \"imap\"\n"}},
                           {{"POSTRIDER_LISTENER_IN_SIDE_PORT", "1143"}});
  CHECK(mistakes(loaded) == "");
  REQUIRE(loaded.config.listeners.size() == 1);
  CHECK(loaded.config.listeners[0].port == 1143);
}

TEST_CASE("a variable that is no setting, or has a wrong value, is a mistake that names it") {
  const auto of = [](std::map<std::string, std::string> environment) {
    return mistakes(load({{"/etc/p.toml", kHost}}, std::move(environment)));
  };
  CHECK(of({{"POSTRIDER_HOSTNAM", "a.example"}}) ==
        "POSTRIDER_HOSTNAM: there is no such setting; the nearest known one is POSTRIDER_HOSTNAME");
  CHECK(
      of({{"POSTRIDER_LISTENER_SMTP_PROT", "1"}}) ==
      "POSTRIDER_LISTENER_SMTP_PROT: there is no such setting; the nearest known one is POSTRIDER_LISTENER_SMTP_PORT");
  CHECK(of({{"POSTRIDER_THREADS", "many"}}) ==
        "POSTRIDER_THREADS: threads must be a number from 0 to 256, not \"many\"");
  CHECK(of({{"POSTRIDER_LISTENER_X_PORT", "25"}}) ==
        "POSTRIDER_LISTENER_X_PORT: listener.x needs a protocol: smtp, submission, submissions, imap, imaps or lmtp");
  CHECK(of({{"POSTRIDER_PORT_25_TCP_ADDR", "10.0.0.1"}}).ends_with("set enableServiceLinks: false)"));
  CHECK(mistakes(load({{"/etc/p.toml", kHost + "[listener.a-b]\nprotocol = \"imap\"\n[listener.a_b]\nprotocol = "
                                               "\"smtp\"\n"}},
                      {{"POSTRIDER_LISTENER_A_B_PORT", "1"}})) ==
        "POSTRIDER_LISTENER_A_B_PORT: this may mean listener.a-b.port or listener.a_b.port: set it in a file");
}

TEST_CASE("files that values are taken from are among what is watched") {
  const auto loaded = load({{"/etc/p.toml", "hostname = \"${file:/run/host}\"\nuser = \"${file:/run/none}\"\n"},
                            {"/run/host", "mail.example.org\n"}});
  CHECK(loaded.inputs.files == std::vector<std::string>{"/etc/p.toml", "/run/host", "/run/none"});
  const auto by_name =
      load({{"/etc/p.toml", "include = \"${file:/run/which}\"\n"}, {"/run/which", "a.toml"}, {"/etc/a.toml", kHost}});
  CHECK(mistakes(by_name) == "");
  CHECK(by_name.inputs.files == std::vector<std::string>{"/etc/p.toml", "/etc/a.toml", "/run/which"});
  CHECK(mistakes(loaded) == "/etc/p.toml:2: user: ${file:/run/none}: cannot read /run/none: it does not exist");
}

#include "app/config.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "app/changes.h"
#include "app/files.h"
#include "app/values.h"
#include "base/text.h"

using app::Config;

namespace {

app::Sources sources() {
  return {.environment = {{"SIZE", "10 MiB"}},
          .file = [](const std::string& path, std::size_t) -> base::Result<std::string> {
            if (path == "/run/host") return "mx.example.org\n";
            return base::fail(base::Code::not_found, "cannot read " + path + ": it does not exist");
          },
          .files = [](const std::string&) { return std::vector<std::string>(); }};
}

app::Loaded load(std::string_view toml) { return app::load(toml, "c.toml", Config{}, sources()); }

std::string mistakes(const app::Loaded& loaded) {
  const std::string all = app::located(loaded.mistakes);
  return all.empty() ? all : all + "\n";
}

}  // namespace

TEST_CASE("a full configuration is read as it is written") {
  const auto loaded = load(R"(
hostname = "Mail.Example.ORG"
data_dir = "/srv/mail/"
user = "mail"
threads = 2

[log]
level = "warning"
format = "json"

[tls]
certificate = "/etc/c.pem"
key = "/etc/k.pem"

[limits]
message_size = "${env:SIZE}"
mailbox_quota = 0
recipients = 500

[timeouts]
stop = "5s"

[store]
min_free = "128 MiB"

[imap]
append_8bit_headers = false

[listener.mx]
protocol = "smtp"
address = "192.0.2.1"
trusted = ["10.0.0.0/8", "::1"]

[listener.mail]
protocol = "imaps"
port = 1993
)");
  CHECK(mistakes(loaded) == "");
  const Config& c = loaded.config;
  CHECK(c.hostname == "mail.example.org");
  CHECK(c.smtp.hostname == "mail.example.org");
  CHECK(c.imap.hostname == "mail.example.org");
  CHECK(c.delivery.hostname == "mail.example.org");
  CHECK(c.data_dir == "/srv/mail");
  CHECK(c.store.directory == "/srv/mail/store");
  CHECK(c.user == "mail");
  CHECK(c.log_level == base::Level::warning);
  CHECK(c.log_format == app::LogFormat::json);
  CHECK(c.max_message_bytes == 10 << 20);
  CHECK(c.imap.max_message_bytes == 10 << 20);
  CHECK_FALSE(c.imap.append_8bit_headers);
  CHECK(c.mailbox_quota_bytes == 0);
  CHECK(c.smtp.max_recipients == 500);
  CHECK(c.stop_timeout == std::chrono::seconds(5));
  CHECK(c.store.min_free_bytes == 128 << 20);
  REQUIRE(c.listeners.size() == 2);
  // TOML's tables come in the order of their names.
  const auto& mail = *std::ranges::find(c.listeners, "mail", &app::Listener::name);
  const auto& mx = *std::ranges::find(c.listeners, "mx", &app::Listener::name);
  CHECK(mx.addresses == std::vector<std::string>{"192.0.2.1"});
  CHECK(mx.port == 25);
  CHECK(mx.tls == app::TlsMode::starttls);
  CHECK(base::contains(mx.trusted, "10.9.8.7"));
  CHECK(mail.port == 1993);
  CHECK(mail.tls == app::TlsMode::implicit);
  CHECK(mail.addresses == std::vector<std::string>{"0.0.0.0", "::"});
}

TEST_CASE("who may connect, through which proxies, and who may relay; LMTP on TCP and on a Unix socket") {
  const auto loaded = load(R"(
hostname = "mail.example.org"
smtp.vrfy = "known"
limits.hold = "7d"
[listener.a]
protocol = "smtp"
allow = ["192.0.2.0/24", "2001:db8::/32"]
proxy_protocol = "10.0.0.0/8"
relay = ["10.1.0.0/16"]
[listener.b]
protocol = "lmtp"
[listener.c]
protocol = "lmtp"
path = "/run/postrider/lmtp"
)");
  CHECK(mistakes(loaded) == "");
  const app::Config& c = loaded.config;
  CHECK(c.smtp.vrfy == smtp::Vrfy::known);
  CHECK(c.smtp.max_hold == std::chrono::days(7));
  REQUIRE(c.listeners.size() == 3);
  CHECK(base::contains(c.listeners[0].allowed, "2001:db8::1"));
  CHECK(base::contains(c.listeners[0].proxies, "10.9.9.9"));
  CHECK(base::contains(c.listeners[0].relay, "10.1.2.3"));
  CHECK(c.listeners[1].port == 24);
  CHECK(c.listeners[1].tls == app::TlsMode::none);
  CHECK(c.listeners[1].addresses == std::vector<std::string>{"127.0.0.1", "::1"});
  CHECK(c.listeners[2].path == "/run/postrider/lmtp");
}

TEST_CASE("the queue, the smarthost, and routes") {
  const auto loaded = load(R"(
hostname = "mail.example.org"
smarthost = ["relay.example.net:587", "[2001:db8::1]:25", "backup.example.net"]
smarthost_user = "me"
[queue]
retry = ["1m", "5m"]
expire = "2d"
warn = 0
destination_deliveries = 3
[route.partner]
recipients = ["Partner.Example", "*.partner.example", "*"]
senders = "b\u00FCcher.example"
accounts = "Ann@Example.Org"
tls = "verify"
rate = 60
[route.inside]
recipients = "inside.example"
by = "lmtp"
hosts = "/run/lmtp.sock"
)");
  CHECK(mistakes(loaded) == "");
  const queue::Config& c = loaded.config.delivery.queue;
  REQUIRE(c.smarthost.size() == 3);
  CHECK(c.smarthost[0] == outbound::RouteHost{.name = "relay.example.net", .port = 587, .path = {}});
  CHECK(c.smarthost[1] == outbound::RouteHost{.name = "2001:db8::1", .port = 25, .path = {}});
  CHECK(c.smarthost[2].port == 0);
  CHECK(c.retry == std::vector{std::chrono::seconds(60), std::chrono::seconds(300)});
  CHECK(c.expire == std::chrono::days(2));
  CHECK(c.warn.count() == 0);
  CHECK(c.hostname == "mail.example.org");
  REQUIRE(c.routes.size() == 2);
  CHECK(c.routes[0].name == "inside");
  CHECK(c.routes[0].by == queue::By::lmtp);
  CHECK(c.routes[0].hosts[0].path == "/run/lmtp.sock");
  CHECK(c.routes[1].recipients == std::vector<std::string>{"partner.example", ".partner.example", "*"});
  CHECK(c.routes[1].senders == std::vector<std::string>{"xn--bcher-kva.example"});
  CHECK(c.routes[1].accounts == std::vector<std::string>{"ann@example.org"});
  CHECK(c.routes[1].tls == outbound::TlsPolicy::verify);
  CHECK(c.routes[1].messages_per_minute == 60);
  const std::string printed = app::print(loaded.config);
  CHECK(printed.find("smarthost = [\"relay.example.net:587\", \"[2001:db8::1]:25\", \"backup.example.net\"]") !=
        std::string::npos);
  const auto again = load(printed);
  CHECK(mistakes(again) == "");
  const auto before_listeners = [](const std::string& text) { return text.substr(0, text.find("\n[listener.")); };
  CHECK(before_listeners(app::print(again.config)) == before_listeners(printed));
}

TEST_CASE("a host name is all that must be said") {
  const auto loaded = load("hostname = \"${file:/run/host}\"");
  CHECK(mistakes(loaded) == "");
  CHECK(loaded.config.hostname == "mx.example.org");
  REQUIRE(loaded.config.listeners.size() == 5);
  CHECK(loaded.config.listeners[0].port == 25);
  CHECK(loaded.config.listeners[4].port == 993);
  CHECK(loaded.config.max_message_bytes == 25 << 20);
  CHECK(loaded.config.mailbox_quota_bytes == 1 << 30);
}

TEST_CASE("a file on top of a base changes the listeners that it names and adds others") {
  Config base;
  base.hostname = "mail.example.test";
  base.listeners = app::standard_listeners();
  const auto loaded = app::load("[listener.smtp]\nport = 2525\n[listener.more]\nprotocol = \"imap\"\nport = 1143\n",
                                "c.toml", base, sources());
  CHECK(mistakes(loaded) == "");
  REQUIRE(loaded.config.listeners.size() == 6);
  CHECK(loaded.config.listeners[0].port == 2525);
  CHECK(loaded.config.listeners[1].port == 587);
  CHECK(loaded.config.listeners[5].protocol == app::Protocol::imap);
}

TEST_CASE("what is printed is read again as the same") {
  Config base;
  base.hostname = "mail.example.test";
  base.tls = {"/c \"quoted\" \\ .pem", "/k.pem", ""};
  base.max_message_bytes = 1234567;
  base.listeners = app::standard_listeners();
  base.listeners[0].trusted = {base::Network::parse("10.0.0.0/8").value()};
  base.listeners[0].plaintext_auth = true;
  const std::string printed = app::print(base);
  const auto again = load(printed);
  CHECK(mistakes(again) == "");
  CHECK(again.config.max_message_bytes == 1234567);
  CHECK(again.config.tls.certificate == base.tls.certificate);
  // The order of listeners is the parser's; all else is the same.
  Config sorted = base;
  std::ranges::sort(sorted.listeners, {}, &app::Listener::name);
  CHECK(app::print(again.config) == app::print(sorted));
}

TEST_CASE("a secret is not printed, and a change of it is seen all the same") {
  const std::string start = "hostname = \"mail.example.org\"\n[tls]\ncertificate = \"/c\"\nkey = \"/k\"\n";
  const Config config = load(start + "key_password = \"geheim\"").config;
  CHECK(config.tls.key_password == "geheim");
  const std::string printed = app::print(config);
  CHECK(printed.find("geheim") == std::string::npos);
  CHECK(printed.find("\n# key_password = \"(secret)\"\n") != std::string::npos);
  Config next = load(start + "key_password = \"anders\"").config;
  CHECK(app::compare(config, next).changed == std::vector<std::string>{"tls.key_password = \"(secret)\""});
  CHECK(next.tls.key_password == "anders");
}

TEST_CASE("auth.mechanisms names those that we have, and reaches whoever asks") {
  const auto loaded = load(R"(hostname = "mail.example.org"
[auth]
mechanisms = ["plain", "SCRAM-SHA-1"]
)");
  REQUIRE(loaded.mistakes.empty());
  for (const sasl::Enabled& enabled :
       {loaded.config.smtp.mechanisms, loaded.config.imap.mechanisms, loaded.config.directory.mechanisms}) {
    CHECK(sasl::names(enabled) == std::vector<std::string>{"SCRAM-SHA-1", "PLAIN"});
  }
}

TEST_CASE("docs/config.md is current") {
  const auto page = app::read_file(std::string(POSTRIDER_SOURCE_DIR) + "/docs/config.md", 1 << 20);
  REQUIRE(page.has_value());
  CHECK_MESSAGE(*page == app::reference(), "run: postrider config docs > docs/config.md");
}

TEST_CASE("every broken configuration gets its line and its sentence") {
  struct {
    const char* toml;  // behind a first line that sets the host name
    const char* mistakes;
  } const cases[] = {
      {"hostname 5", "c.toml:2: not TOML: "},
      {"user = \"unclosed", "c.toml:2: not TOML: "},
      {"threads = 1\nthreads = 2", "c.toml:3: not TOML: "},
      {"[log\nlevel = \"info\"", "c.toml:2: not TOML: "},
      {"datadir = \"/x\"", "c.toml:2: unknown key datadir; the nearest known one is data_dir\n"},
      {"zzzzzzzz = 1", "c.toml:2: unknown key zzzzzzzz\n"},
      {"\n\n[limits]\nmesage_size = 5",
       "c.toml:5: unknown key limits.mesage_size; the nearest known one is limits.message_size\n"},
      {"[limit]\nmessage_size = 5", "c.toml:2: unknown table [limit]; the nearest known one is [limits]\n"},
      {"log = \"info\"", "c.toml:2: log is a table: write [log] and its settings below\n"},
      {"listener = 25", "c.toml:2: listener is a table: write [listener.NAME] and its settings below\n"},
      {"[listener]\nport = 25",
       "c.toml:3: listener.port is a table: write [listener.port] and its settings below, or [listener.NAME] above\n"},
      {"[user]\nname = \"x\"", "c.toml:2: user must be a value, not a table\n"},
      {"data_dir = \"mail\"", "c.toml:2: data_dir must be a path from the root, not \"mail\"\n"},
      {"data_dir = \"\"", "c.toml:2: data_dir must not be empty\n"},
      {"[route.x]\nby = \"hosts\"", "c.toml:2: route.x needs hosts: by is \"hosts\"\n"},
      {"[route.x]\nhosts = \"relay.example\"", "c.toml:3: route.x.hosts is for by = \"hosts\" and by = \"lmtp\"\n"},
      {"[route.x]\nby = \"hosts\"\nhosts = \"/run/x\"",
       "c.toml:4: route.x.hosts: a Unix socket is for by = \"lmtp\"\n"},
      {"[route.x]\nby = \"pipe\"", "c.toml:2: route.x needs a command: by is \"pipe\"\n"},
      {"[route.x]\ncommand = [\"/bin/cat\"]", "c.toml:3: route.x.command is for by = \"pipe\"\n"},
      {"[route.x]\nrun_as = \"vmail\"", "c.toml:3: route.x.run_as is for by = \"pipe\"\n"},
      {"[route.x]\nby = \"pipe\"\ncommand = \"cat\"",
       "c.toml:4: route.x.command must be a list: the path of a program, from the root, and its arguments\n"},
      {"[route.x]\nby = \"pipe\"\ncommand = [\"/bin/x\", \"{user}\"]",
       "c.toml:4: route.x.command names {user}, which is none of {sender}, {recipient}, {local_part}, {domain} and "
       "{id}\n"},
      {"[route.x]\nby = \"pipe\"\ncommand = \"/bin/cat\"\nrelay = true\nverify = true\nrecipients = \"x.example\"",
       "c.toml:6: route.x.verify: a command cannot be asked for recipients\n"},
      {"[route.x]\nhost = \"relay.example\"",
       "c.toml:3: unknown key route.x.host; the nearest known one is route.x.hosts\n"},
      {"[route.x]\nrelay = true",
       "c.toml:3: route.x.relay needs recipients that it names: anybody could send to anywhere otherwise\n"},
      {"smarthost = \"relay.example.net:0\"",
       "c.toml:2: smarthost must be hosts such as \"relay.example.net:587\", not \"relay.example.net:0\"\n"},
      {"smarthost_user = \"me\"", "c.toml:2: smarthost_user is given without smarthost\n"},
      {"[queue]\nretry = []", "c.toml:3: queue.retry must name at least one duration\n"},
      {"[queue]\nwarn = \"6d\"", "c.toml:3: queue.warn is not shorter than queue.expire (5d): 0 is never\n"},
      {"user = 5", "c.toml:2: user must be a text, not a number\n"},
      {"threads = -1", "c.toml:2: threads must be a number from 0 to 256, not -1\n"},
      {"threads = \"many\"", "c.toml:2: threads must be a number from 0 to 256, not \"many\"\n"},
      {"threads = 1.5", "c.toml:2: threads must be a number from 0 to 256, not a broken number\n"},
      {"user = 2026-01-01", "c.toml:2: user must be a text, not a date or time\n"},
      {"[auth]\nmechanisms = [\"PLAIN\", \"DIGEST-MD5\"]",
       "c.toml:3: auth.mechanisms must be of [\"EXTERNAL\", \"SCRAM-SHA-256\", \"SCRAM-SHA-1\", \"PLAIN\", \"LOGIN\", "
       "\"CRAM-MD5\"]; there is no mechanism \"DIGEST-MD5\"\n"},
      {"[listener.mx]\nprotocol = \"smtp\"\nclient_ca = \"/etc/people.pem\"",
       "c.toml:4: listener.mx.client_ca is for listeners where users log in over TLS\n"},
      {"[log]\nlevel = \"loud\"",
       "c.toml:3: log.level must be one of \"debug\", \"info\", \"warning\", \"error\", not \"loud\"\n"},
      {"[log]\nformat = true", "c.toml:3: log.format must be one of \"text\", \"json\", not true or false\n"},
      {"[limits]\nmessage_size = \"25 MB\"",
       "c.toml:3: limits.message_size must be a size such as \"25 MiB\" (B, KiB, MiB, GiB), not \"25 MB\"\n"},
      {"[limits]\nmessage_size = \"1 KiB\"",
       "c.toml:3: limits.message_size must be between 64 KiB and 1 GiB, not 1 KiB\n"},
      {"[limits]\nmessage_size = \"99999999999999999999 B\"",
       "c.toml:3: limits.message_size must be a size such as \"25 MiB\" (B, KiB, MiB, GiB), not \"99999999999999999999 "
       "B\"\n"},
      {"[limits]\nmailbox_quota = \"1 MiB\"",
       "c.toml:3: limits.mailbox_quota is smaller than limits.message_size (25 MiB): such a message could never be "
       "delivered\n"},
      {"[limits]\nconnections = 5\nconnections_per_address = 6",
       "c.toml:4: limits.connections_per_address is greater than limits.connections (5)\n"},
      {"[timeouts]\nimap_idle = \"5m\"", "c.toml:3: timeouts.imap_idle must be between 30m and 7d, not 5m\n"},
      {"[timeouts]\nstop = \"soon\"",
       "c.toml:3: timeouts.stop must be a duration such as \"90s\" (s, m, h, d), not \"soon\"\n"},
      {"[timeouts]\nstop = [5]", "c.toml:3: timeouts.stop must be a list of texts; this element is a number\n"},
      {"[certificate.a]\nkey = \"/k.pem\"",
       "c.toml:2: certificate.a needs a certificate: the file, or a directory that holds it and its key\n"},
      {"[certificate.a]\ncertificate = \"/c\"\ndomains = [\"*.x.*\"]",
       "c.toml:4: certificate.a.domains must be a full host name such as \"mail.example.org\"; \"x.*\" has more than "
       "letters, digits and \"-\" in a part\n"},
      {"[listener.a]\nprotocol = \"smtp\"\ncertificate = \"b\"",
       "c.toml:4: listener.a.certificate: there is no [certificate.b]\n"},
      {"[tls]\nkey = \"/k.pem\"", "c.toml:3: tls.key is given without tls.certificate\n"},
      {"user = \"${env:NOBODY}\"", "c.toml:2: user: ${env:NOBODY}: there is no such variable in the environment\n"},
      {"user = \"${file:/no}\"", "c.toml:2: user: ${file:/no}: cannot read /no: it does not exist\n"},
      {"user = \"${env:SIZE\"", "c.toml:2: user: \"${\" without \"}\" (write $${ for a plain ${)\n"},
      {"[listener.a]\nport = 25",
       "c.toml:2: listener.a needs a protocol: smtp, submission, submissions, imap, imaps or lmtp\n"},
      {"[listener.a]\nprotocol = \"pop3\"",
       "c.toml:3: listener.a.protocol must be one of \"smtp\", \"submission\", \"submissions\", \"imap\", \"imaps\", "
       "\"lmtp\", not \"pop3\"\n"},
      {"[listener.a]\nprotocol = \"smtp\"\nport = 70000",
       "c.toml:4: listener.a.port must be a number from 1 to 65535, not 70000\n"},
      {"[listener.a]\nprotocol = \"smtp\"\nadress = \"::\"",
       "c.toml:4: unknown key listener.a.adress; the nearest known one is listener.a.address\n"},
      {"[listener.a]\nprotocol = \"smtp\"\naddress = \"localhost\"",
       "c.toml:4: listener.a.address must be numeric addresses such as \"0.0.0.0\" or \"::1\", not \"localhost\"\n"},
      {"[listener.a]\nprotocol = \"smtp\"\naddress = []",
       "c.toml:4: listener.a.address must name at least one address\n"},
      {"[listener.a]\nprotocol = \"smtp\"\ntrusted = \"10.0.0.1/8\"",
       "c.toml:4: listener.a.trusted \"10.0.0.1/8\" has bits set behind its prefix: the network is \"10.0.0.0/8\"\n"},
      {"[listener.a]\nprotocol = \"smtp\"\ntls = \"implicit\"",
       "c.toml:4: listener.a.tls: smtp has no implicit TLS; use \"starttls\" or \"none\"\n"},
      {"[listener.a]\nprotocol = \"imaps\"\ntls = \"none\"",
       "c.toml:4: listener.a.tls: imaps begins with TLS; for \"starttls\" or \"none\" the protocol is imap\n"},
      {"[listener.a]\nprotocol = \"imap\"\nplaintext_auth = true",
       "c.toml:4: listener.a.plaintext_auth is for hosts of trusted networks, and listener.a.trusted names none\n"},
      {"[listener.a]\nprotocol = \"imap\"\n[listener.b]\nprotocol = \"imap\"\naddress = \"::\"",
       "c.toml:4: listener.b and listener.a both want :: port 143\n"},
      {"[listener.a]\nprotocol = \"imap\"\n[listener.b]\nprotocol = \"imap\"\naddress = \"192.0.2.1\"",
       "c.toml:4: listener.b wants 192.0.2.1 and listener.a wants 0.0.0.0, port 143 both: name each address once\n"},
      {"[listener.a]\nprotocol = \"imap\"\naddress = \"::1\"\n[listener.b]\nprotocol = \"imap\"\naddress = \"0:0::1\"",
       "c.toml:5: listener.b and listener.a both want ::1 port 143\n"},
      {"[listener.a]\nprotocol = \"lmtp\"\npath = \"/l\"\n[listener.b]\nprotocol = \"lmtp\"\npath = \"/l\"",
       "c.toml:5: listener.b and listener.a both want /l\n"},
      {"[sendmail]\nmachine_mail = \"root@mail.example.org\"",
       "c.toml:3: sendmail.machine_mail is itself an address at the hostname: it would lead to itself\n"},
      {"[sendmail]\nsenders = [\"www-data\"]",
       "c.toml:3: sendmail.senders must be as \"www-data=shop@example.org\", \"www-data=@example.org\" or "
       "\"www-data=*\", not \"www-data\"\n"},
      {"[listener.a]\nprotocol = \"smtp\"\nhide_clients = true",
       "c.toml:4: listener.a.hide_clients is for submission and submissions\n"},
      {"[listener.a]\nprotocol = \"smtp\"\npath = \"/l\"", "c.toml:4: listener.a.path: Unix sockets are for lmtp\n"},
      {"[listener.a]\nprotocol = \"lmtp\"\npath = \"/l\"\nproxy_protocol = \"10.0.0.0/8\"",
       "c.toml:5: listener.a.proxy_protocol: a Unix socket has no networks\n"},
      {"[listener.a]\nprotocol = \"lmtp\"\nport = 25",
       "c.toml:4: listener.a.port: lmtp must not be spoken on port 25\n"},
      {"[listener.a]\nprotocol = \"submission\"\nrelay = \"10.0.0.0/8\"",
       "c.toml:4: listener.a.relay is for smtp; users of other protocols log in\n"},
      {"[listener.\"a b\"]\nprotocol = \"smtp\"",
       "c.toml:2: listener.a b: a listener's name is at most 40 letters, digits, \"-\" and \"_\"\n"},
      {"threads = 999\nusr = 1\n[log]\nlevel = 5",
       "c.toml:2: threads must be a number from 0 to 256, not 999\n"
       "c.toml:3: unknown key usr; the nearest known one is user\n"
       "c.toml:5: log.level must be one of \"debug\", \"info\", \"warning\", \"error\", not a number\n"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.toml);
    const std::string got = mistakes(load("hostname = \"mail.example.org\"\n" + std::string(c.toml)));
    const std::string want = c.mistakes;
    // What the TOML parser says is its own; the line is ours.
    CHECK((want.ends_with("\n") ? got == want : got.starts_with(want)));
    if (want.ends_with("\n")) CHECK(got == want);
  }
}

TEST_CASE("each of the broken files is answered with the lines that it expects") {
  const std::string here = std::string(POSTRIDER_SOURCE_DIR) + "/tests/config/broken";
  app::Sources machine = app::Sources::of_machine();
  machine.environment.clear();
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(here)) {
    if (entry.is_directory()) continue;
    const std::string file = entry.path();
    CAPTURE(file);
    std::vector<std::string> expected;  // "# expect: [FILE:]LINE: how the sentence begins"
    const std::string text = app::read_file(file, 1 << 20).value();
    for (const std::string_view line : base::split(text, '\n')) {
      if (!line.starts_with("# expect: ")) continue;
      std::string want(line.substr(10));
      want.insert(0, base::is_digit(want[0]) ? file + ":" : here + "/");
      while (want.find("HERE") != std::string::npos) want.replace(want.find("HERE"), 4, here);
      expected.push_back(want);
    }
    app::Loaded loaded = app::load_file(file, Config{}, machine);
    if (loaded.mistakes.empty()) {
      loaded.mistakes = app::examine(loaded, base::system_clock().now(), *app::in_this_process());
    }
    CAPTURE(mistakes(loaded));
    CHECK(loaded.mistakes.size() == expected.size());
    for (const std::string& want : expected) {
      CAPTURE(want);
      CHECK(std::ranges::any_of(loaded.mistakes, [&](const auto& m) { return m.located().starts_with(want); }));
    }
    ++files;
  }
  CHECK(files >= 30);
}

TEST_CASE("every example of the documents is a configuration that loads") {
  std::size_t examples = 0;
  for (const char* page : {"/docs/config.md", "/docs/operations.md", "/README.md"}) {
    const std::string text = app::read_file(std::string(POSTRIDER_SOURCE_DIR) + page, 1 << 20).value();
    for (std::size_t at = text.find("```toml\n"); at != std::string::npos; at = text.find("```toml\n", at + 1)) {
      std::string example = text.substr(at + 8, text.find("```\n", at + 8) - at - 8);
      CAPTURE(example);
      // Parts of a file: the host name stands in another part.
      if (example.find("hostname") == std::string::npos) example.insert(0, "hostname = \"mail.example.org\"\n");
      app::Sources any = sources();
      any.file = [](const std::string&, std::size_t) { return base::Result<std::string>(""); };
      CHECK(mistakes(app::load(example, page, Config{}, any)) == "");
      ++examples;
    }
  }
  CHECK(examples >= 5);
}

TEST_CASE("a host name is a full one") {
  CHECK(app::parse_hostname("Mail.Example.ORG").value() == "mail.example.org");
  for (const char* bad :
       {"", "mail", "mail..org", ".org", "mail.", "-a.org", "a-.org", "a_b.org", "m\xC3\xA4il.org", "192.0.2.1:25"}) {
    CAPTURE(bad);
    CHECK_FALSE(app::parse_hostname(bad).has_value());
  }
  CHECK_FALSE(app::parse_hostname(std::string(64, 'a') + ".org").has_value());
  CHECK_FALSE(app::parse_hostname("a." + std::string(300, 'a')).has_value());
}

TEST_CASE("sizes and durations are read with their units, and print as the largest that fits") {
  CHECK(app::parse_bytes("25 MiB").value() == 25 << 20);
  CHECK(app::parse_bytes("4096").value() == 4096);
  CHECK(app::parse_bytes("4kib").value() == 4096);
  CHECK_FALSE(app::parse_bytes("1.5 GiB").has_value());
  CHECK_FALSE(app::parse_bytes("20000000000 GiB").has_value());
  CHECK(app::print_bytes(25 << 20) == "25 MiB");
  CHECK(app::print_bytes(1025) == "1025 B");
  CHECK(app::print_bytes(0) == "0 B");
  CHECK(app::parse_seconds("90s").value() == std::chrono::seconds(90));
  CHECK(app::parse_seconds("2h").value() == std::chrono::hours(2));
  CHECK_FALSE(app::parse_seconds("90").has_value());
  CHECK(app::print_seconds(std::chrono::seconds(5400)) == "90m");
  CHECK(app::print_seconds(std::chrono::seconds(0)) == "0s");
}

TEST_CASE("where the log goes and who may read the metrics") {
  const Config defaults;
  CHECK(defaults.log_target == app::LogTarget::automatic);
  CHECK(defaults.metrics.addresses.empty());
  CHECK(base::contains(defaults.metrics.allowed, "127.0.0.1"));
  CHECK_FALSE(base::contains(defaults.metrics.allowed, "192.0.2.1"));
  const auto loaded = load(
      "hostname = \"mail.example.org\"\n[log]\ntarget = \"syslog\"\n"
      "[metrics]\naddress = \"10.0.0.5\"\nport = 9100\nallowed = \"10.0.0.0/8\"\n");
  CHECK(mistakes(loaded) == "");
  CHECK(loaded.config.log_target == app::LogTarget::syslog);
  CHECK(loaded.config.metrics.addresses == std::vector<std::string>{"10.0.0.5"});
  CHECK(loaded.config.metrics.port == 9100);
  CHECK(base::contains(loaded.config.metrics.allowed, "10.1.2.3"));
  CHECK_FALSE(base::contains(loaded.config.metrics.allowed, "127.0.0.1"));
  CHECK(mistakes(load("hostname = \"mail.example.org\"\n[metrics]\naddress = []\n")) == "");
  CHECK(mistakes(load("hostname = \"mail.example.org\"\n[log]\ntarget = \"file\"\n[metrics]\naddress = \"here\"\n")) ==
        "c.toml:3: log.target must be one of \"auto\", \"stderr\", \"journal\", \"syslog\", not \"file\"\n"
        "c.toml:5: metrics.address must be numeric addresses such as \"0.0.0.0\" or \"::1\", not \"here\"\n");
}

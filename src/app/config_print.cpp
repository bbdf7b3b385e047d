// The configuration as text: TOML for `config print`, and docs/config.md.
#include "app/fields.h"
#include "app/statements.h"

namespace app {

namespace {

std::string_view table_of(std::string_view key) {
  const std::size_t dot = key.find('.');
  return dot == std::string_view::npos ? std::string_view() : key.substr(0, dot);
}

std::string_view name_of(std::string_view key) {
  const std::size_t dot = key.find('.');
  return dot == std::string_view::npos ? key : key.substr(dot + 1);
}

constexpr std::string_view kIntroduction = R"(# Configuration

One TOML file, `/etc/postrider/postrider.toml` unless `--config` names another. A key that is not listed here is an error;
`postrider config check` names every mistake with its line, and `postrider config print` shows all values in force.

- Any text may hold `${env:NAME}`, `${file:PATH}` or `${credential:NAME}`, a credential of systemd (`$${` is a plain `${`), also an element of a list. Numbers and switches
  may come as text then, and lists as one text with commas.
- Sizes are texts such as `"25 MiB"` (`B`, `KiB`, `MiB`, `GiB`) or a number of bytes; durations are texts such as `"90s"`
  (`s`, `m`, `h`, `d`) or a number of seconds.
- Networks are texts such as `"192.0.2.0/24"`, `"2001:db8::/32"` or one address; a list may be given as one text.

The server takes a change up by itself a second or two after the file was written, or at once with `postrider reload` or SIGHUP,
without losing a connection: all of it, or, when there is any mistake, nothing. Where the table says *restart*, the new value
waits for the next start, which the log and `postrider reload` say; all else holds from the next command or connection on.

This page is made by `postrider config docs`.

```toml
hostname = "mail.example.org"
user = "postrider"

[tls]
certificate = "/etc/letsencrypt/live/mail.example.org/fullchain.pem"
key = "/etc/letsencrypt/live/mail.example.org/privkey.pem"
```
)";

constexpr std::string_view kComposition = R"(
## Several files

```toml
include = ["conf.d/*.toml", "/run/secrets/postrider.toml"]

hostname = "mail.example.org"
```

`include` stands at the top of a file and names others, beside it or from the root; `*`, `?` and `[…]` in a name stand for all files that
fit, in the order of their names, and none is no mistake. For each key the last word counts: an included file wins over the one
that includes it, and of several the later one wins. Tables are merged key by key. Included files may include others, 8 deep and
200 in all; a circle is a mistake.

## Environment

`POSTRIDER_` and the key in capitals, with `_` for `.` and `-`, sets a value and wins over all files: `POSTRIDER_HOSTNAME`,
`POSTRIDER_TLS_CERTIFICATE`, `POSTRIDER_LISTENER_SMTP_PORT`. The value is read like a text in the file. Listeners that the files do not
name begin as the five standard ones do, and a variable for another name makes a listener of that name in small letters. A
variable that begins with `POSTRIDER_` and is none of these is a mistake. Without `--config`, the file may be missing when there are
such variables.
)";

constexpr std::string_view kListeners = R"(
## [listener.NAME]

A place where connections are taken; NAME is free and appears in the log. When no listener is given, there are five:
smtp (25), submission (587), submissions (465), imap (143) and imaps (993), on all addresses. As soon as one is given,
there are those that are given and no others.

```toml
[listener.mx]
protocol = "smtp"

[listener.inside]
protocol = "smtp"
address = "10.0.0.5"
port = 2525
trusted = ["10.0.0.0/24"]
```
)";

constexpr std::string_view kCertificates = R"(
## [certificate.NAME]

A certificate beside the default one of `[tls]`; NAME is free. A client that names a host gets the certificate for it: one
that has the name, or else a wildcard for it, or else that of the listener.

```toml
[certificate.org]
certificate = "/etc/letsencrypt/live/mail.example.net/fullchain.pem"
key = "/etc/letsencrypt/live/mail.example.net/privkey.pem"

[certificate.inside]
certificate = "/run/secrets/inside"
domains = ["mail.inside.example", "*.lab.example"]
```
)";

constexpr std::string_view kRoutes = R"(
## [route.NAME]

Which way some of the mail for elsewhere goes; NAME is free and appears in the log. A route takes a message for a recipient when
what it names of `recipients`, `senders` and `accounts` fits. Of several that fit, the one that names the account goes first, then the one that
names the sender's domain, then the one that names the recipient's; a domain itself before what is above it, and that before `"*"`. What no
route takes goes to the smarthost, or by MX where there is none.

```toml
[route.partner]
recipients = ["partner.example", ".partner.example"]
tls = "verify"
deliveries = 5

[route.shop]
senders = "shop.example.org"
by = "hosts"
hosts = ["bulk.example.net:587"]
user = "shop"
password = "${file:/run/secrets/bulk}"

[route.archive]
recipients = "archive.example.org"
by = "lmtp"
hosts = "/run/archive/lmtp.sock"

[route.tickets]
recipients = "tickets.example.org"
by = "pipe"
command = ["/usr/local/bin/ticket", "--queue={local_part}"]
relay = true
```
)";

/// `table` is of the key in the environment: "listener.NAME.".
template <class Owner>
std::string row(const Field<Owner>& field, std::string_view key, std::string_view table, const Owner& defaults) {
  const std::string shown = field.shown_default ? field.shown_default : "`" + field.print(defaults) + "`";
  return "| `" + std::string(key) + "` | " + field.kind + " | " + shown + " | " + (field.restart ? "restart" : "") +
         " | `" + variable_of(std::string(table) + field.key) + "` | " + field.sentence + " |\n";
}

constexpr std::string_view kHead = "\n| key | kind | default | change | variable | |\n|---|---|---|---|---|---|\n";

/// A line of the file. What is not set, and what is not to be seen, is only mentioned.
template <class Owner>
std::string line(const Field<Owner>& field, std::string_view key, const Owner& owner) {
  const std::string value = field.print(owner);
  const bool unset = field.shown_default && value == "\"\"";
  return (unset || field.secret ? "# " : "") + std::string(key) + " = " + value + "\n";
}

}  // namespace

std::string print(const Config& config) {
  std::string out;
  std::string_view table;
  for (const auto& field : settings()) {
    if (table_of(field.key) != table) {
      table = table_of(field.key);
      out += "\n[" + std::string(table) + "]\n";
    }
    out += line(field, name_of(field.key), config);
  }
  for (const NamedCertificate& certificate : config.certificates) {
    out += "\n[certificate." + certificate.name + "]\n";
    for (const auto& field : certificate_settings()) out += line(field, field.key, certificate);
  }
  for (const queue::Route& route : config.delivery.queue.routes) {
    out += "\n[route." + route.name + "]\n";
    for (const auto& field : route_settings()) out += line(field, field.key, route);
  }
  for (const Listener& listener : config.listeners) {
    out += "\n[listener." + listener.name + "]\n";
    for (const auto& field : listener_settings()) out += line(field, field.key, listener);
  }
  return out;
}

std::string reference() {
  const Config defaults;
  std::string out(kIntroduction);
  out += kComposition;
  std::string_view table = "none yet";
  for (const auto& field : settings()) {
    if (table_of(field.key) != table) {
      table = table_of(field.key);
      out += table.empty() ? "\n## At the top\n" : "\n## [" + std::string(table) + "]\n";
      out += kHead;
    }
    out += row(field, name_of(field.key), "", defaults);
  }
  out += kCertificates;
  out += kHead;
  for (const auto& field : certificate_settings())
    out += row(field, field.key, "certificate.NAME.", NamedCertificate{});
  out += kRoutes;
  out += kHead;
  for (const auto& field : route_settings()) out += row(field, field.key, "route.NAME.", queue::Route{});
  out += kListeners;
  out += kHead;
  for (const auto& field : listener_settings()) out += row(field, field.key, "listener.NAME.", Listener{});
  return out;
}

}  // namespace app

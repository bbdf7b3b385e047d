// The configuration as text: TOML for `config print`, and docs/config.md.
#include "app/fields.h"

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

- Any text may hold `${env:NAME}` or `${file:PATH}` (`$${` is a plain `${`). Numbers and switches may come as text then.
- Sizes are texts such as `"25 MiB"` (`B`, `KiB`, `MiB`, `GiB`) or a number of bytes; durations are texts such as `"90s"`
  (`s`, `m`, `h`, `d`) or a number of seconds.
- Networks are texts such as `"192.0.2.0/24"`, `"2001:db8::/32"` or one address; a list may be given as one text.

This page is made by `postrider config docs`.

```toml
hostname = "mail.example.org"
user = "postrider"

[tls]
certificate = "/etc/letsencrypt/live/mail.example.org/fullchain.pem"
key = "/etc/letsencrypt/live/mail.example.org/privkey.pem"
```
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

template <class Owner>
std::string row(const Field<Owner>& field, std::string_view key, const Owner& defaults) {
  std::string shown = field.shown_default ? field.shown_default : "`" + field.print(defaults) + "`";
  return "| `" + std::string(key) + "` | " + field.kind + " | " + shown + " | " + field.sentence + " |\n";
}

constexpr std::string_view kHead = "\n| key | kind | default | |\n|---|---|---|---|\n";

}  // namespace

std::string print(const Config& config) {
  std::string out;
  std::string_view table;
  for (const auto& field : settings()) {
    if (table_of(field.key) != table) {
      table = table_of(field.key);
      out += "\n[" + std::string(table) + "]\n";
    }
    const bool unset = field.shown_default && field.print(config) == "\"\"";
    out += (unset ? "# " : "") + std::string(name_of(field.key)) + " = " + field.print(config) + "\n";
  }
  for (const NamedCertificate& certificate : config.certificates) {
    out += "\n[certificate." + certificate.name + "]\n";
    for (const auto& field : certificate_settings())
      out += std::string(field.key) + " = " + field.print(certificate) + "\n";
  }
  for (const Listener& listener : config.listeners) {
    out += "\n[listener." + listener.name + "]\n";
    for (const auto& field : listener_settings()) out += std::string(field.key) + " = " + field.print(listener) + "\n";
  }
  return out;
}

std::string reference() {
  const Config defaults;
  std::string out(kIntroduction);
  std::string_view table = "none yet";
  for (const auto& field : settings()) {
    if (table_of(field.key) != table) {
      table = table_of(field.key);
      out += table.empty() ? "\n## At the top\n" : "\n## [" + std::string(table) + "]\n";
      out += kHead;
    }
    out += row(field, name_of(field.key), defaults);
  }
  out += kCertificates;
  out += kHead;
  for (const auto& field : certificate_settings()) out += row(field, field.key, NamedCertificate{});
  out += kListeners;
  out += kHead;
  for (const auto& field : listener_settings()) out += row(field, field.key, Listener{});
  return out;
}

}  // namespace app

#include "app/checks.h"

#include <algorithm>

#include "app/values.h"
#include "base/text.h"
#include "queue/route.h"

namespace app {

namespace {

class Checker {
 public:
  Checker(Loaded& loaded, const std::set<std::string>& broken) : out_(loaded), broken_(broken) {}
  void check_whole();

 private:
  void check_certificates();
  void check_places();
  void check_routes();
  void check_pipe(const queue::Route& route);
  void check_listener(const Listener& listener);
  void check_edge(const Listener& listener);
  void mistake(const Origin& at, std::string text) { out_.mistakes.push_back({at, std::move(text)}); }
  Origin origin(const std::string& key) const { return out_.origin(key); }
  bool given(const std::string& key) const { return out_.origins.contains(key); }

  Loaded& out_;
  const std::set<std::string>& broken_;
};

void Checker::check_whole() {
  Config& config = out_.config;
  if (config.hostname.empty() && !broken_.contains("hostname")) {
    config.hostname = machine_hostname();
    if (config.hostname.empty()) {
      mistake(origin(""),
              "hostname is not set, and the machine's own name has no domain: set hostname = \"mail.example.org\"");
    }
  }
  if (config.data_dir.empty() && !broken_.contains("data_dir"))
    mistake(origin("data_dir"), "data_dir must not be empty");
  check_certificates();
  if (config.mailbox_quota_bytes != 0 && config.mailbox_quota_bytes < config.max_message_bytes) {
    mistake(origin("limits.mailbox_quota"), "limits.mailbox_quota is smaller than limits.message_size (" +
                                                print_bytes(config.max_message_bytes) +
                                                "): such a message could never be delivered");
  }
  if (config.connections.connections_per_address > config.connections.connections) {
    // A default that a lower limit for all has overtaken is no mistake of the operator.
    if (!given("limits.connections_per_address")) {
      config.connections.connections_per_address = config.connections.connections;
    } else {
      mistake(origin("limits.connections_per_address"),
              "limits.connections_per_address is greater than limits.connections (" +
                  std::to_string(config.connections.connections) + ")");
    }
  }
  if (base::lower(config.delivery.queue.machine_mail).ends_with("@" + config.hostname)) {
    mistake(origin("sendmail.machine_mail"),
            "sendmail.machine_mail is itself an address at the hostname: it would lead to itself");
  }
  for (const Listener& listener : config.listeners) {
    if (!broken_.contains("listener." + listener.name)) check_listener(listener);
  }
  check_places();
  check_routes();
}

/// No two listeners want the same place, and none wants one of all addresses that another has.
void Checker::check_places() {
  struct Place {
    const std::string& listener;
    const std::string& address;  // or the path of a Unix socket
    std::uint16_t port;          // 0: of a Unix socket
    bool v6() const { return address.find(':') != std::string::npos; }
    bool all() const { return address == "0.0.0.0" || address == "::"; }
  };
  std::vector<Place> taken;
  const auto take = [&](const Place& wanted) {
    const auto other = std::ranges::find_if(taken, [&](const Place& place) {
      return place.port == wanted.port && place.v6() == wanted.v6() &&
             (place.address == wanted.address || place.all() || wanted.all());
    });
    const std::string key = "listener." + wanted.listener;
    const std::string port = wanted.port == 0 ? "" : " port " + std::to_string(wanted.port);
    if (other == taken.end()) {
      taken.push_back(wanted);
    } else if (other->address == wanted.address) {
      mistake(origin(key), key + " and listener." + other->listener + " both want " + wanted.address + port);
    } else {
      mistake(origin(key), key + " wants " + wanted.address + " and listener." + other->listener + " wants " +
                               other->address + "," + port + " both: name each address once");
    }
  };
  for (const Listener& listener : out_.config.listeners) {
    if (broken_.contains("listener." + listener.name)) continue;
    if (!listener.path.empty()) {
      take({listener.name, listener.path, 0});
      continue;
    }
    for (const std::string& address : listener.addresses) take({listener.name, address, listener.port});
  }
}

void Checker::check_routes() {
  const queue::Config& config = out_.config.delivery.queue;
  if (config.smarthost.empty() && !config.smarthost_user.empty() && !broken_.contains("smarthost")) {
    mistake(origin("smarthost_user"), "smarthost_user is given without smarthost");
  }
  if (config.warn >= config.expire && given("queue.warn")) {
    mistake(origin("queue.warn"),
            "queue.warn is not shorter than queue.expire (" + print_seconds(config.expire) + "): 0 is never");
  }
  for (const queue::Route& route : config.routes) {
    const std::string key = "route." + route.name;
    if (broken_.contains(key)) continue;
    if (route.relay && (route.recipients.empty() || queue::fits(route.recipients, "*") > 0)) {
      mistake(origin(key + ".relay"),
              key + ".relay needs recipients that it names: anybody could send to anywhere otherwise");
    }
    const bool names = route.by == queue::By::hosts || route.by == queue::By::lmtp;
    if (names && route.hosts.empty()) {
      mistake(origin(key), key + " needs hosts: by is \"" + Choice<queue::By>::word(route.by) + "\"");
    }
    if (!names && !route.hosts.empty()) {
      mistake(origin(key + ".hosts"), key + ".hosts is for by = \"hosts\" and by = \"lmtp\"");
    }
    check_pipe(route);
    for (const outbound::RouteHost& host : route.hosts) {
      if (!host.path.empty() && route.by == queue::By::hosts) {
        mistake(origin(key + ".hosts"), key + ".hosts: a Unix socket is for by = \"lmtp\"");
      }
    }
    if (!route.user.empty() && !names)
      mistake(origin(key + ".user"), key + ".user is for by = \"hosts\" and by = \"lmtp\"");
  }
}

void Checker::check_pipe(const queue::Route& route) {
  const std::string key = "route." + route.name;
  const bool is_pipe = route.by == queue::By::pipe;
  if (is_pipe && route.pipe.command.empty()) mistake(origin(key), key + " needs a command: by is \"pipe\"");
  if (!is_pipe && !route.pipe.command.empty()) mistake(origin(key + ".command"), key + ".command is for by = \"pipe\"");
  if (!is_pipe && !route.pipe.user.empty()) mistake(origin(key + ".run_as"), key + ".run_as is for by = \"pipe\"");
  if (is_pipe && route.verify)
    mistake(origin(key + ".verify"), key + ".verify: a command cannot be asked for recipients");
}

void Checker::check_certificates() {
  // Without a key the certificate is a directory that holds both: whether it is one is seen when it is read.
  const TlsFiles& files = out_.config.tls;
  if (files.certificate.empty() && !files.key.empty() && !broken_.contains("tls.certificate")) {
    mistake(origin("tls.key"), "tls.key is given without tls.certificate");
  }
  for (const NamedCertificate& certificate : out_.config.certificates) {
    const std::string key = "certificate." + certificate.name;
    if (certificate.files.certificate.empty() && !broken_.contains(key))
      mistake(origin(key), key + " needs a certificate: the file, or a directory that holds it and its key");
  }
}

void Checker::check_listener(const Listener& listener) {
  const std::string key = "listener." + listener.name;
  if (!listener.certificate.empty() && std::ranges::find(out_.config.certificates, listener.certificate,
                                                         &NamedCertificate::name) == out_.config.certificates.end()) {
    mistake(origin(key + ".certificate"),
            key + ".certificate: there is no [certificate." + base::printable(listener.certificate, 60) + "]");
  }
  if (!listener.client_ca.empty() && (listener.tls == TlsMode::none || listener.protocol == Protocol::smtp)) {
    mistake(origin(key + ".client_ca"), key + ".client_ca is for listeners where users log in over TLS");
  }
  const bool implicit = listener.protocol == Protocol::submissions || listener.protocol == Protocol::imaps;
  if (implicit && listener.tls != TlsMode::implicit) {
    mistake(origin(key + ".tls"), key + ".tls: " + Choice<Protocol>::word(listener.protocol) +
                                      " begins with TLS; for \"starttls\" or \"none\" the protocol is " +
                                      (listener.protocol == Protocol::imaps ? "imap" : "submission"));
  }
  if (listener.protocol == Protocol::smtp && listener.tls == TlsMode::implicit) {
    mistake(origin(key + ".tls"), key + ".tls: smtp has no implicit TLS; use \"starttls\" or \"none\"");
  }
  check_edge(listener);
  if (listener.plaintext_auth && listener.trusted.empty()) {
    mistake(origin(key + ".plaintext_auth"),
            key + ".plaintext_auth is for hosts of trusted networks, and " + key + ".trusted names none");
  }
}

/// Who may connect where, and what that is for.
void Checker::check_edge(const Listener& listener) {
  const std::string key = "listener." + listener.name;
  const bool lmtp = listener.protocol == Protocol::lmtp;
  if (!listener.path.empty() && !lmtp) mistake(origin(key + ".path"), key + ".path: Unix sockets are for lmtp");
  if (!listener.path.empty() && !listener.proxies.empty()) {
    mistake(origin(key + ".proxy_protocol"), key + ".proxy_protocol: a Unix socket has no networks");
  }
  // RFC 2033 §5.
  if (lmtp && listener.path.empty() && listener.port == 25) {
    mistake(origin(key + ".port"), key + ".port: lmtp must not be spoken on port 25");
  }
  const bool users = listener.protocol == Protocol::submission || listener.protocol == Protocol::submissions;
  if (listener.hide_clients && !users) {
    mistake(origin(key + ".hide_clients"), key + ".hide_clients is for submission and submissions");
  }
  if (!listener.relay.empty() && listener.protocol != Protocol::smtp) {
    mistake(origin(key + ".relay"), key + ".relay is for smtp; users of other protocols log in");
  }
}

}  // namespace

void check_whole(Loaded& loaded, const std::set<std::string>& broken) { Checker(loaded, broken).check_whole(); }

}  // namespace app

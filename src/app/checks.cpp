#include "app/checks.h"

#include <algorithm>

#include "app/values.h"
#include "base/text.h"

namespace app {

namespace {

class Checker {
 public:
  Checker(Loaded& loaded, const std::set<std::string>& broken) : out_(loaded), broken_(broken) {}
  void check_whole();

 private:
  void check_certificates();
  void check_places();
  void check_listener(const Listener& listener);
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
  for (const Listener& listener : config.listeners) {
    if (!broken_.contains("listener." + listener.name)) check_listener(listener);
  }
  check_places();
}

/// No two listeners want the same place, and none wants one of all addresses that another has.
void Checker::check_places() {
  struct Place {
    const std::string& listener;
    const std::string& address;
    std::uint16_t port;
    bool v6() const { return address.find(':') != std::string::npos; }
    bool all() const { return address == "0.0.0.0" || address == "::"; }
  };
  std::vector<Place> taken;
  for (const Listener& listener : out_.config.listeners) {
    if (broken_.contains("listener." + listener.name)) continue;
    for (const std::string& address : listener.addresses) {
      const Place wanted{listener.name, address, listener.port};
      const auto other = std::ranges::find_if(taken, [&](const Place& place) {
        return place.port == wanted.port && place.v6() == wanted.v6() &&
               (place.address == wanted.address || place.all() || wanted.all());
      });
      if (other == taken.end()) {
        taken.push_back(wanted);
      } else if (other->address == address) {
        mistake(origin("listener." + listener.name), "listener." + listener.name + " and listener." + other->listener +
                                                         " both want " + address + " port " +
                                                         std::to_string(listener.port));
      } else {
        mistake(origin("listener." + listener.name),
                "listener." + listener.name + " wants " + address + " and listener." + other->listener + " wants " +
                    other->address + ", port " + std::to_string(listener.port) + " both: name each address once");
      }
    }
  }
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
  if (listener.plaintext_auth && listener.trusted.empty()) {
    mistake(origin(key + ".plaintext_auth"),
            key + ".plaintext_auth is for hosts of trusted networks, and " + key + ".trusted names none");
  }
}

}  // namespace

void check_whole(Loaded& loaded, const std::set<std::string>& broken) { Checker(loaded, broken).check_whole(); }

}  // namespace app

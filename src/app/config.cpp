#include "app/config.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>

#include "app/key_files.h"
#include "app/values.h"
#include "base/text.h"

namespace app {

namespace {

void examine_certificate(const Origin& at, const std::string& key, const TlsFiles& files, base::WallTime now,
                         Privileged& privileged, std::vector<Mistake>& mistakes) {
  const auto pair = read_key_pair(files, privileged);
  if (!pair) {
    mistakes.push_back({at, key + ": " + pair.error().text});
  } else if (const auto info = tls::inspect(pair->certificate_pem); info && info->not_after < now) {
    mistakes.push_back(
        {at, key + ".certificate: " + files.certificate + " expired at " + base::rfc3339(info->not_after)});
  }
}

}  // namespace

Listener Listener::standard(std::string name, Protocol protocol) {
  static constexpr std::uint16_t kPorts[] = {25, 587, 465, 143, 993, 24};
  Listener listener;
  listener.name = std::move(name);
  listener.protocol = protocol;
  listener.port = kPorts[static_cast<std::size_t>(protocol)];
  const bool implicit = protocol == Protocol::submissions || protocol == Protocol::imaps;
  listener.tls = implicit ? TlsMode::implicit : TlsMode::starttls;
  if (protocol == Protocol::lmtp) {
    // RFC 2033 §5: not for wide area networks.
    listener.addresses = {"127.0.0.1", "::1"};
    listener.tls = TlsMode::none;
  }
  return listener;
}

std::vector<Listener> standard_listeners() {
  std::vector<Listener> listeners;
  for (Protocol protocol :
       {Protocol::smtp, Protocol::submission, Protocol::submissions, Protocol::imap, Protocol::imaps}) {
    listeners.push_back(Listener::standard(Choice<Protocol>::word(protocol), protocol));
  }
  return listeners;
}

void Config::settle() {
  smtp.hostname = imap.hostname = hostname;
  delivery.hostname = delivery.queue.hostname = outbound.hostname = hostname;
  smtp.max_message_bytes = imap.max_message_bytes = delivery.max_message_bytes = max_message_bytes;
  smtp.mechanisms = imap.mechanisms = directory.mechanisms = mechanisms;
  store.directory = data_dir + "/store";
}

std::string Config::spool_path() const {
  if (!sendmail_directory.empty()) return sendmail_directory;
  // The data directory is closed to other users, and the usual one has a usual place beside it.
  return data_dir == Config().data_dir ? kSendmailDirectory : data_dir + "/sendmail";
}

std::string Mistake::located() const {
  std::string out = at.file;
  if (at.line > 0) out += ":" + std::to_string(at.line);
  return out + ": " + text;
}

std::string located(const std::vector<Mistake>& mistakes) {
  std::string all;
  for (const Mistake& mistake : mistakes) all += (all.empty() ? "" : "\n") + mistake.located();
  return all;
}

void Inputs::add_file(const std::string& file) {
  if (std::ranges::find(files, file) == files.end()) files.push_back(file);
}

void Inputs::add_pattern(const std::string& pattern) {
  if (std::ranges::find(patterns, pattern) == patterns.end()) patterns.push_back(pattern);
}

Origin Loaded::origin(const std::string& key) const {
  if (const auto found = origins.find(key); found != origins.end()) return found->second;
  return {inputs.files.empty() ? std::string() : inputs.files.front(), 0};
}

std::string machine_hostname() {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0) return {};
  return parse_hostname(name).value_or(std::string());
}

std::vector<Mistake> examine(const Loaded& loaded, base::WallTime now, Privileged& privileged) {
  const Config& config = loaded.config;
  std::vector<Mistake> mistakes;
  if (!config.user.empty() && ::getpwnam(config.user.c_str()) == nullptr) {
    mistakes.push_back(
        {loaded.origin("user"), "user: there is no user \"" + base::printable(config.user, 40) + "\" on this machine"});
  }
  const auto examine_one = [&](const std::string& key, const TlsFiles& files) {
    examine_certificate(loaded.origin(key + ".certificate"), key, files, now, privileged, mistakes);
  };
  if (!config.tls.certificate.empty()) examine_one("tls", config.tls);
  for (const NamedCertificate& certificate : config.certificates) {
    examine_one("certificate." + certificate.name, certificate.files);
  }
  return mistakes;
}

}  // namespace app

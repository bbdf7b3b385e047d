#include "app/certificate.h"

namespace app {

base::Result<void> Certificate::load() {
  if (!configured()) return {};
  TRY_ASSIGN(const tls::KeyPair pair, read_key_pair(files_, privileged_));
  TRY_ASSIGN(auto acceptor, tls::make_acceptor(pair));
  TRY_ASSIGN(auto info, tls::inspect(pair.certificate_pem));
  const std::lock_guard lock(mutex_);
  acceptor_ = std::move(acceptor);
  info_ = std::move(info);
  return {};
}

std::shared_ptr<const tls::Acceptor> Certificate::acceptor() const {
  const std::lock_guard lock(mutex_);
  return acceptor_;
}

std::optional<base::WallTime> Certificate::expires() const {
  const std::lock_guard lock(mutex_);
  return info_ ? std::optional(info_->not_after) : std::nullopt;
}

std::string Certificate::description() const {
  const std::lock_guard lock(mutex_);
  if (!info_) return "none";
  std::string names;
  for (const std::string& name : info_->names) names += (names.empty() ? "" : " ") + name;
  return names + ", valid until " + base::rfc3339(info_->not_after);
}

}  // namespace app

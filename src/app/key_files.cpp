#include "app/key_files.h"

namespace app {

namespace {

constexpr std::size_t kMaxPem = 1 << 20;

base::Result<tls::KeyPair> read_candidate(const TlsFiles& files, Privileged& privileged) {
  tls::KeyPair pair;
  TRY_ASSIGN(pair.certificate_pem, privileged.read(files.certificate, kMaxPem));
  TRY_ASSIGN(pair.key_pem, privileged.read(files.key, kMaxPem));
  if (auto acceptor = tls::make_acceptor(pair); !acceptor) {
    return base::fail(acceptor.error().code, "the certificate " + files.certificate + " and the key " + files.key +
                                                 " cannot be used: " + acceptor.error().text);
  }
  return pair;
}

}  // namespace

std::vector<TlsFiles> candidates(const TlsFiles& files) {
  if (files.certificate.empty() || !files.key.empty()) return {files};
  const std::string& in = files.certificate;
  return {{in + "/tls.crt", in + "/tls.key"}, {in + "/fullchain.pem", in + "/privkey.pem"}};
}

base::Result<tls::KeyPair> read_key_pair(const TlsFiles& files, Privileged& privileged) {
  for (const TlsFiles& candidate : candidates(files)) {
    if (const auto there = privileged.stamp(candidate.certificate);
        !there && there.error().code == base::Code::not_found)
      continue;
    return read_candidate(candidate, privileged);
  }
  if (!files.key.empty())
    return base::fail(base::Code::not_found, "cannot read " + files.certificate + ": it does not exist");
  return base::fail(
      base::Code::not_found,
      "the directory " + files.certificate + " holds neither tls.crt nor fullchain.pem (for a file, give the key too)");
}

}  // namespace app

#pragma once
// A certificate and its key as files: which they are, and the pair that they hold. The files are only ever read.

#include <string>
#include <vector>

#include "app/config.h"
#include "app/privileged.h"
#include "tls/tls.h"

namespace app {

/// The pairs of files that may be meant, in the order of preference: the two that are named; or, when only a directory
/// is, those that Kubernetes ("tls.crt", "tls.key") and certbot ("fullchain.pem", "privkey.pem") put into one.
std::vector<TlsFiles> candidates(const TlsFiles& files);

/// The first pair whose certificate exists. Errors say which file, and what is wrong: not_found (a file is not there
/// yet), invalid (they do not fit, or hold no PEM: perhaps half-written), denied and others of read_file().
base::Result<tls::KeyPair> read_key_pair(const TlsFiles& files, Privileged& privileged);

}  // namespace app

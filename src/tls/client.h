#pragma once
// The client's side of TLS towards hosts of strangers: the handshake is made whatever the certificate says, and what is
// to be thought of it is told beside the stream, so that one handshake serves those who only want encryption, those who
// insist on who the host is (PKIX: RFC 5280, 9525; DANE: RFC 6698, 7671, 7672), and those who only want to report
// (RFC 8461 §5, testing). Immutable and shared by all loops; the stream lives on the loop of the one that it wraps.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/stream.h"

namespace tls {

/// What the certificate is held against.
enum class Check {
  none,
  pkix,  // a chain to an authority that we trust, and one of the names
  dane,  // the TLSA records: usage 2 (DANE-TA, and one of the names) and 3 (DANE-EE); 0 and 1 are unusable for SMTP
};

/// A TLSA record (RFC 6698 §2.1).
struct TlsaRecord {
  std::uint8_t usage = 0;
  std::uint8_t selector = 0;
  std::uint8_t matching = 0;
  std::string data;
};

/// RFC 7672 §3.1.3 and 7671 §5: whether a client of SMTP can use the record at all.
bool usable(const TlsaRecord& record);

struct ClientRequest {
  std::string server_name;  // for SNI; an address or "": none is sent
  Check check = Check::none;
  std::vector<std::string> names;  // that are as good as one another; for DANE the first is the TLSA base domain
  std::vector<TlsaRecord> tlsa;
};

/// What is wrong with a certificate, in the kinds of RFC 8460 §4.3.
enum class CertificateFault { none, host_mismatch, expired, not_trusted, other };

struct ClientConnection {
  std::unique_ptr<net::Stream> stream;
  bool verified = false;                            // by the check that was asked for
  CertificateFault fault = CertificateFault::none;  // why not
  std::string why;                                  // in words
};

class Client {
 public:
  virtual ~Client() = default;
  /// The handshake over `plain`, which has no unread bytes of ours. Throws net::Closed when TLS as such does not come
  /// about. `request.tlsa` has a usable record when DANE is asked for (Bug).
  virtual net::Task<ClientConnection> connect(std::unique_ptr<net::Stream> plain, ClientRequest request) const = 0;
};

/// Trusts the authorities in `trusted_pem`, or those of the system when it is empty. invalid in words.
base::Result<std::shared_ptr<const Client>> make_client(const std::string& trusted_pem);

}  // namespace tls

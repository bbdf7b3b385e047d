#include "delivery/trace.h"

#include "base/text.h"

namespace delivery {
namespace {

/// What the client called itself, made safe for a header field: it may send anything.
std::string helo_word(std::string_view helo) {
  std::string word(helo);
  for (char& c : word) {
    if (!base::is_alpha(c) && !base::is_digit(c) && std::string_view("-._:[]").find(c) == std::string_view::npos) {
      c = '?';
    }
  }
  return word.empty() ? "unknown" : word;
}

/// RFC 5321 §4.1.3.
std::string address_literal(std::string_view address) {
  if (address.empty()) return "local";  // a Unix socket
  return std::string(address.contains(':') ? "[IPv6:" : "[") + std::string(address) + "]";
}

/// RFC 3848, RFC 6531 §4.3.
std::string protocol(const smtp::Envelope& envelope, const smtp::Peer& peer, bool authenticated) {
  if (!peer.esmtp) return "SMTP";
  const bool lmtp = peer.service == smtp::Service::lmtp;
  std::string name = envelope.smtputf8 ? (lmtp ? "UTF8LMTP" : "UTF8SMTP") : (lmtp ? "LMTP" : "ESMTP");
  if (peer.tls != nullptr) name += 'S';
  if (authenticated) name += 'A';
  return name;
}

}  // namespace

std::string received_head(const smtp::Envelope& envelope, const smtp::Peer& peer, bool authenticated,
                          std::string_view hostname, std::string_view id) {
  std::string field = "Received: ";
  field.reserve(400);
  if (!peer.hidden && !peer.local) {
    field += "from ";
    field += helo_word(peer.helo);
    field += " (";
    field += address_literal(peer.endpoints.peer_address);
    field += ")\r\n\t";
  }
  field += "by ";
  field += hostname;
  if (!peer.local) {
    field += " with ";
    field += protocol(envelope, peer, authenticated);
  } else if (!peer.hidden) {
    field += " (from user " + helo_word(peer.local->name) + ", uid " + std::to_string(peer.local->uid) + ")";
  }
  if (peer.tls != nullptr) {
    field += " (";
    field += peer.tls->version;
    field += ' ';
    field += peer.tls->cipher;
    field += ')';
  }
  field += "\r\n\tid ";
  field += id;
  if (envelope.priority != 0) field += " priority " + std::to_string(envelope.priority);  // RFC 6710 §4
  // RFC 5321 §7.2: with several recipients it would tell each of the others.
  if (envelope.recipients.size() == 1) {
    field += " for <";
    field += envelope.recipients.front().address;
    field += '>';
  }
  return field;
}

std::string received(std::string_view head, base::WallTime now) {
  std::string field(head);
  field += ";\r\n\t";
  field += base::rfc5322_date(now);
  field += "\r\n";
  return field;
}

std::string missing_fields(const mime::Message& message, base::WallTime now, std::string_view hostname,
                           std::string_view id) {
  std::string out;
  const bool any = !message.envelopes.empty();
  if (!any || message.envelopes[0].date.empty()) out += "Date: " + base::rfc5322_date(now) + "\r\n";
  if (!any || message.envelopes[0].message_id.empty()) {
    out += "Message-ID: <";
    out += id;
    out += '.';
    out += std::to_string(now.time_since_epoch().count());
    out += '@';
    out += hostname;
    out += ">\r\n";
  }
  return out;
}

std::string final_fields(std::string_view sender, std::string_view recipient) {
  std::string out = "Return-Path: <";
  out += sender;
  out += ">\r\nDelivered-To: ";
  out += recipient;
  out += "\r\n";
  return out;
}

}  // namespace delivery

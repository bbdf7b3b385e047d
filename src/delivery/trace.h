#pragma once
// The header fields that this server puts in front of a message: trace fields (RFC 5321 §4.4) and what a submitted
// message lacks (RFC 6409 §8). They form the private prefix of each copy; the body is never changed. Pure.

#include <string>
#include <string_view>

#include "base/clock.h"
#include "mime/message.h"
#include "smtp/host.h"

namespace delivery {

/// The Received field but its date: "Received: from … by … with … id …". Made while the peer is at hand;
/// `authenticated` and the peer's TLS name the protocol (RFC 3848, RFC 6531 §4.3). A hidden peer's address and name are
/// left out, and of a program on this machine the user is told in their place.
std::string received_head(const smtp::Envelope& envelope, const smtp::Peer& peer, bool authenticated,
                          std::string_view hostname, std::string_view id);

/// The whole field.
std::string received(std::string_view head, base::WallTime now);

/// Date and Message-ID, as far as the message has none.
std::string missing_fields(const mime::Message& message, base::WallTime now, std::string_view hostname,
                           std::string_view id);

/// What stands above them in the copy of a local recipient: Return-Path and Delivered-To.
std::string final_fields(std::string_view sender, std::string_view recipient);

}  // namespace delivery

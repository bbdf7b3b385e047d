#pragma once
// Private to the room: what an answer, or a failure without one, means for a recipient. Pure. RFC 5321 §4.2.1, 3463.

#include <string>

#include "outbound/outbound.h"
#include "smtp/answer.h"

namespace outbound {

/// What was answered.
enum class Stage {
  session,    // greeting, EHLO, AUTH: it is about us or the host, not about the message
  sender,     // MAIL
  recipient,  // RCPT
  content,    // DATA, BDAT and the end of the content
};

Outcome outcome_of(const smtp::Answer& answer, Stage stage);

/// Failures without an answer.
Outcome deferred(std::string status, std::string text);
Outcome failed(std::string status, std::string text);
/// deferred, and nothing else for the destination has a better chance now.
Outcome out_of_reach(std::string status, std::string text);

/// What stands for all hosts that were tried: something that may pass counts more than what is for good.
Outcome worse(const Outcome& so_far, const Outcome& next);

}  // namespace outbound

#include "outbound/outcome.h"

#include "base/text.h"

namespace outbound {

namespace {

constexpr int kClosing = 421;
constexpr int kTooManyRecipients = 552;

std::string words(const smtp::Answer& answer, Stage stage) {
  const char* const what = stage == Stage::session     ? "the host answered "
                           : stage == Stage::sender    ? "the host said of the sender "
                           : stage == Stage::recipient ? "the host said of the recipient "
                                                       : "the host said of the message ";
  return what + answer.text();
}

Verdict verdict_of(const smtp::Answer& answer, Stage stage) {
  if (answer.positive()) return Verdict::delivered;
  if (!answer.permanent()) return Verdict::deferred;
  // RFC 5321 §4.5.3.1.10: an old way to say 452, too many recipients.
  if (stage == Stage::recipient && answer.code == kTooManyRecipients) return Verdict::deferred;
  return Verdict::failed;
}

char digit_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::delivered:
      return '2';
    case Verdict::deferred:
      return '4';
    case Verdict::failed:
      return '5';
  }
  return '4';
}

}  // namespace

Outcome outcome_of(const smtp::Answer& answer, Stage stage) {
  Outcome outcome;
  outcome.verdict = verdict_of(answer, stage);
  outcome.status = answer.status.empty() ? "x.0.0" : answer.status;
  outcome.status[0] = digit_of(outcome.verdict);
  outcome.diagnostic = answer.text();
  outcome.text = words(answer, stage);
  outcome.destination_down =
      outcome.verdict == Verdict::deferred && (answer.code == kClosing || stage == Stage::session);
  return outcome;
}

Outcome deferred(std::string status, std::string text) {
  return {.verdict = Verdict::deferred, .status = std::move(status), .text = base::printable(text, 500)};
}

Outcome failed(std::string status, std::string text) {
  return {.verdict = Verdict::failed, .status = std::move(status), .text = base::printable(text, 500)};
}

Outcome out_of_reach(std::string status, std::string text) {
  Outcome outcome = deferred(std::move(status), std::move(text));
  outcome.destination_down = true;
  return outcome;
}

Outcome worse(const Outcome& so_far, const Outcome& next) {
  const bool keep = so_far.verdict == Verdict::deferred && next.verdict == Verdict::failed;
  Outcome chosen = keep ? so_far : next;
  chosen.destination_down = chosen.verdict == Verdict::deferred && so_far.destination_down && next.destination_down;
  return chosen;
}

}  // namespace outbound

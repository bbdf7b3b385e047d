#include "outbound/transaction.h"

#include <algorithm>

#include "base/text.h"
#include "outbound/outcome.h"
#include "smtp/outgoing.h"

namespace outbound {

namespace {

using net::Closed;
using net::Task;
using smtp::BodyType;

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

/// Whether any byte of the message has its eighth bit set. Clients say BODY=8BITMIME of all they send.
Task<base::Result<bool>> has_eight_bits(const Message& message) {
  for (std::uint64_t offset = 0;;) {
    CO_TRY_ASSIGN(const std::string piece, co_await message.read(offset));
    if (piece.empty()) co_return false;
    if (!is_ascii(piece)) co_return true;
    offset += piece.size();
  }
}

/// RFC 6531 §3.1: not by what the sender declared, but by what the message has.
bool needs_utf8(const Message& message) {
  return !is_ascii(message.envelope.sender) || (message.envelope.smtputf8 && message.eight_bit_header);
}

std::optional<Outcome> lacks_tls(const Session& session, const smtp::Envelope& envelope) {
  // RFC 8689 §4.2.1: not for a null sender, whom nobody could tell.
  if (!envelope.require_tls || envelope.sender.empty()) return std::nullopt;
  if (!session.encrypted || !session.verified) {
    return failed("5.7.10", "the sender requires TLS (REQUIRETLS), and there is no verified TLS with " + session.host);
  }
  if (session.client->extensions().require_tls) return std::nullopt;
  return failed("5.7.30", "the sender requires TLS (REQUIRETLS), and " + session.host + " does not offer REQUIRETLS");
}

/// What the host cannot do for the message as a whole.
std::optional<Outcome> lacks(const Session& session, const Message& message) {
  const smtp::Extensions& can = session.client->extensions();
  if (auto problem = lacks_tls(session, message.envelope)) return problem;
  if (can.size && can.max_size > 0 && message.size > can.max_size) {
    return failed("5.3.4", "the message has " + std::to_string(message.size) + " bytes, and " + session.host +
                               " takes at most " + std::to_string(can.max_size));
  }
  if (message.envelope.body == BodyType::binary_mime && !(can.binary_mime && can.chunking)) {
    return failed("5.6.3", "the message is binary, and " + session.host + " does not offer BINARYMIME and CHUNKING");
  }
  if (needs_utf8(message) && !can.smtputf8) {
    return failed("5.6.7", "the message has non-ASCII addresses or header fields, and " + session.host +
                               " does not offer SMTPUTF8");
  }
  // RFC 2852 §4.1.4: a message that is to be given back when it is late is not given to who would not do so.
  if (message.envelope.deliver_by && message.envelope.deliver_by->give_back && !can.deliver_by) {
    return failed("5.4.7", "the message has to arrive in time, and " + session.host + " does not offer DELIVERBY");
  }
  return std::nullopt;
}

bool refuse_unsendable(const Session& session, Pending& one) {
  if (!smtp::sendable(one.recipient.address)) {
    one.outcome = failed("5.1.3", "the recipient's address cannot be sent by SMTP");
  } else if (!is_ascii(one.recipient.address) && !session.client->extensions().smtputf8) {
    one.outcome =
        failed("5.6.7", "the recipient's address is not ASCII, and " + session.host + " does not offer SMTPUTF8");
  }
  return one.outcome.has_value();
}

/// The transaction of those who can be sent to, and who they are.
struct Group {
  smtp::Transaction transaction;
  std::vector<Pending*> members;
};

void settle(Group& group) {
  for (std::size_t i = 0; i < group.members.size(); ++i) {
    const auto& answers = group.transaction.rcpt_answers;
    if (i >= answers.size() || !answers[i] || answers[i]->positive()) continue;
    group.members[i]->outcome = outcome_of(*answers[i], Stage::recipient);
  }
}

std::vector<Pending*> taken(const Group& group) {
  std::vector<Pending*> members;
  for (std::size_t i = 0; i < group.members.size(); ++i) {
    const auto& answer = group.transaction.rcpt_answers[i];
    if (answer && answer->positive()) members.push_back(group.members[i]);
  }
  return members;
}

bool closing(const Group& group) {
  constexpr int kClosing = 421;
  if (group.transaction.mail_answer && group.transaction.mail_answer->code == kClosing) return true;
  return std::ranges::any_of(group.transaction.rcpt_answers,
                             [](const auto& answer) { return answer && answer->code == kClosing; });
}

TransactionResult stopped(Outcome problem, bool usable) {
  return {.problem = std::move(problem), .spoke = true, .usable = usable, .alive = usable};
}

void apply(const smtp::ContentResult& sent, const Session& session, const std::vector<Pending*>& members) {
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (i >= sent.answers.size() && !sent.whole) return;
    // SMTP has one answer, and so has a host of LMTP that refuses before the end.
    const smtp::Answer& answer = i < sent.answers.size() ? sent.answers[i] : sent.answers.front();
    Outcome outcome = outcome_of(answer, Stage::content);
    outcome.reports = outcome.verdict == Verdict::delivered && session.client->extensions().dsn;
    members[i]->outcome = std::move(outcome);
  }
}

Task<TransactionResult> send_content(Session& session, const Delivery& delivery, std::vector<Pending*> members) {
  const smtp::Extensions& can = session.client->extensions();
  smtp::MessageContent content{.read = delivery.message.read,
                               .chunked = can.chunking,
                               .may_commit = delivery.may_commit,
                               .recipients = members.size()};
  const smtp::ContentResult sent = co_await session.client->content(std::move(content));
  switch (sent.kind) {
    case smtp::ContentResult::Kind::withdrawn: {
      TransactionResult result =
          stopped(deferred("4.4.7", "the attempt was given up before the end of the message"), false);
      result.final = true;
      co_return result;
    }
    case smtp::ContentResult::Kind::unreadable: {
      TransactionResult result = stopped(deferred("4.3.0", "the message cannot be read: " + sent.error.text), false);
      result.final = true;
      co_return result;
    }
    case smtp::ContentResult::Kind::answered:
      break;
  }
  apply(sent, session, members);
  ++session.messages;
  TransactionResult result{.spoke = true, .alive = sent.whole};
  // After a refusal it is not known what the host expects next.
  result.usable = sent.whole && std::ranges::all_of(sent.answers, [](const auto& answer) { return answer.positive(); });
  if (!sent.whole) {
    result.problem = deferred("4.4.2", "the connection was lost before the host had answered for all recipients");
    result.final = true;
  }
  co_return result;
}

/// MAIL, RCPTs, and the content when it is wanted. Throws Closed.
Task<TransactionResult> run(Session& session, Group& group, const Delivery* delivery) {
  co_await session.client->begin(group.transaction);
  settle(group);
  const bool over = closing(group);
  if (const smtp::Answer& mail = *group.transaction.mail_answer; !mail.positive()) {
    TransactionResult result = stopped(outcome_of(mail, Stage::sender), !over);
    result.final = mail.permanent();
    co_return result;
  }
  if (over) co_return stopped(out_of_reach("4.4.2", session.host + " closed the connection (421)"), false);
  const std::vector<Pending*> members = taken(group);
  if (delivery != nullptr && !members.empty()) {
    TransactionResult sent = co_await send_content(session, *delivery, members);
    co_return sent;
  }
  const bool reset = (co_await session.client->reset()).positive();
  co_return TransactionResult{.spoke = true, .usable = reset, .alive = true};
}

Task<TransactionResult> guarded(Session& session, Group& group, const Delivery* delivery) {
  try {
    co_return co_await run(session, group, delivery);
  } catch (const Closed& closed) {
    settle(group);
    TransactionResult result{.spoke = true};
    if (session.client->committed()) {
      // RFC 5321 §4.5.3.2.6, 1047: the host may have taken it. Another host now would be a second copy.
      result.problem =
          deferred("4.4.2", "the connection to " + session.host +
                                " was lost before the host had answered the end of the message: " + closed.what());
      result.final = true;
    } else {
      const bool late = closed.why == Closed::Why::timeout;
      result.problem = out_of_reach(late ? "4.4.1" : "4.4.2", "connection to " + session.host + ": " + closed.what());
    }
    co_return result;
  }
}

void sign_all(const Session& session, std::span<Pending> pending, TransactionResult& result) {
  for (Pending& one : pending) {
    if (one.outcome) session.sign(*one.outcome);
  }
  if (result.problem) session.sign(*result.problem);
}

}  // namespace

Task<TransactionResult> transact(Session& session, Delivery delivery, std::span<Pending> pending) {
  const Message& message = delivery.message;
  const smtp::Extensions& can = session.client->extensions();
  TransactionResult result;
  result.problem = lacks(session, message);
  smtp::MailNeeds needs{.size = message.size, .smtputf8 = needs_utf8(message), .body = message.envelope.body};
  if (!result.problem && needs.body == BodyType::eight_bit_mime && !can.eight_bit_mime) {
    const auto eight = co_await has_eight_bits(message);
    if (!eight) result.problem = deferred("4.3.0", "the message cannot be read: " + eight.error().text);
    // RFC 6152 §3 leaves the choice: a conversion would break every signature of the message.
    if (eight && *eight) {
      result.problem =
          failed("5.6.3", "the message has 8-bit content, and " + session.host + " does not offer 8BITMIME");
    }
  }
  Group group;
  for (Pending& one : pending) {
    if (result.problem || refuse_unsendable(session, one)) continue;
    needs.smtputf8 = needs.smtputf8 || !is_ascii(one.recipient.address);
    group.members.push_back(&one);
    group.transaction.rcpt.push_back(smtp::rcpt_command(one.recipient, can));
  }
  if (!smtp::sendable(message.envelope.sender) && !message.envelope.sender.empty()) {
    result.problem = failed("5.1.7", "the sender's address cannot be sent by SMTP");
  }
  result.usable = result.alive = true;
  if (!result.problem && !group.members.empty()) {
    group.transaction.mail = smtp::mail_command(message.envelope, needs, can, delivery.clock.now());
    result = co_await guarded(session, group, &delivery);
  }
  sign_all(session, pending, result);
  co_return result;
}

Task<TransactionResult> ask(Session& session, std::string sender, std::span<Pending> pending) {
  Group group;
  group.transaction.mail = "MAIL FROM:<" + sender + ">";
  for (Pending& one : pending) {
    if (refuse_unsendable(session, one)) continue;
    group.members.push_back(&one);
    group.transaction.rcpt.push_back("RCPT TO:<" + one.recipient.address + ">");
  }
  TransactionResult result{.usable = true, .alive = true};
  if (!group.members.empty()) result = co_await guarded(session, group, nullptr);
  for (Pending* one : group.transaction.rcpt_answers.empty() ? std::vector<Pending*>() : taken(group)) {
    one->outcome = Outcome{.verdict = Verdict::delivered, .status = "2.1.5", .text = "the host takes the recipient"};
  }
  sign_all(session, pending, result);
  co_return result;
}

}  // namespace outbound

#include "sendmail/spool_file.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "mime/address.h"
#include "sendmail/input.h"
#include "smtp/parameters.h"

namespace sendmail {
namespace {

using base::Code;

constexpr std::string_view kFirstLine = "postrider-spool 1\n";
constexpr std::string_view kSizeLine = "size ";
constexpr std::array<std::string_view, 3> kBodies{"7bit", "8bit", "binary"};
constexpr std::array<std::string_view, 3> kReturns{"unsaid", "full", "headers"};
constexpr std::size_t kMaxParameter = 600;  // RFC 3461 §4.2: ORCPT has at most 500

std::unexpected<base::Error> wrong(std::string_view line) {
  return base::fail(Code::invalid, "its head has the line \"" + base::printable(line, 100) + "\"");
}

std::string format_notify(const smtp::Notify& notify) {
  if (notify.never) return "never";
  std::string out;
  for (const auto& [set, word] :
       {std::pair(notify.success, "success"), std::pair(notify.failure, "failure"), std::pair(notify.delay, "delay")}) {
    if (set) out += (out.empty() ? "" : ",") + std::string(word);
  }
  return out;
}

bool parse_notify(std::string_view value, smtp::Notify& notify) {
  if (value == "never") return notify.never = true;
  for (const std::string_view word : base::split(value, ',')) {
    if (word == "success") {
      notify.success = true;
    } else if (word == "failure") {
      notify.failure = true;
    } else if (word == "delay") {
      notify.delay = true;
    } else {
      return false;
    }
  }
  return true;
}

bool is_address(std::string_view text) {
  mime::AddrSpec spec;
  return mime::parse_addr_spec(text, spec);
}

/// What stands in a reply or a header later: printable ASCII.
bool is_plain(std::string_view text) {
  return !text.empty() && text.size() <= kMaxParameter &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < 127; });
}

template <std::size_t count, class E>
bool parse_word(std::string_view value, const std::array<std::string_view, count>& words, E& out) {
  const auto found = std::ranges::find(words, value);
  if (found == words.end()) return false;
  out = static_cast<E>(found - words.begin());
  return true;
}

/// "1764140000 return trace": when it shall have been delivered (RFC 2852), in seconds, and what happens otherwise.
bool parse_by(std::string_view value, smtp::Envelope& envelope) {
  smtp::DeliverBy by;
  const auto words = base::split(value, ' ');
  const auto seconds = base::parse_u64(words[0]);
  if (!seconds || *seconds > 1ull << 40) return false;
  by.time = base::WallTime(std::chrono::seconds(*seconds));
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "return") {
      by.give_back = true;
    } else if (words[i] == "trace") {
      by.trace = true;
    } else {
      return false;
    }
  }
  envelope.deliver_by = by;
  return true;
}

bool parse_priority(std::string_view value, smtp::Envelope& envelope) {
  const bool negative = value.starts_with('-');
  const auto number = base::parse_u32(value.substr(negative ? 1 : 0));
  if (!number || *number > 9) return false;
  envelope.priority = negative ? -static_cast<int>(*number) : static_cast<int>(*number);
  return true;
}

/// Of a recipient, or of the message before there is one.
bool take(std::string_view key, std::string_view value, SpoolFile& file) {
  smtp::Envelope& envelope = file.envelope;
  smtp::Recipient* last = envelope.recipients.empty() ? nullptr : &envelope.recipients.back();
  if (key == "to") {
    if (!is_address(value) || envelope.recipients.size() == kMaxRecipients) return false;
    envelope.recipients.push_back({.address = std::string(value), .notify = {}, .orcpt = {}});
    return true;
  }
  if (key == "notify") return last != nullptr && parse_notify(value, last->notify);
  if (key == "orcpt") {
    if (last == nullptr || !is_plain(value)) return false;
    last->orcpt = value;
    return true;
  }
  if (key == "from") {
    envelope.sender = value;
    return value.empty() || is_address(value);
  }
  if (key == "envid") {
    envelope.envid = value;
    return is_plain(value) && smtp::xtext_decode(value).has_value();
  }
  if (key == "ret") return parse_word(value, kReturns, envelope.ret);
  if (key == "body") return parse_word(value, kBodies, envelope.body);
  if (key == "smtputf8") return envelope.smtputf8 = value == "yes";
  if (key == "priority") return parse_priority(value, envelope);
  if (key == "by") return parse_by(value, envelope);
  return false;
}

}  // namespace

bool is_spool_id(std::string_view text) {
  return text.size() == kIdDigits &&
         std::ranges::all_of(text, [](char c) { return base::is_digit(c) || (c >= 'a' && c <= 'f'); });
}

std::string format_size(std::uint64_t size) {
  std::string digits = std::to_string(size);
  return std::string(kSizeDigits - digits.size(), '0') + digits;
}

std::size_t size_offset(std::string_view head) { return head.find(kSizeLine) + kSizeLine.size(); }

std::string format_head(const SpoolFile& file) {
  const smtp::Envelope& envelope = file.envelope;
  std::string out(kFirstLine);
  const auto line = [&out](std::string_view key, std::string_view value) {
    out += key;
    out += ' ';
    out += value;
    out += '\n';
  };
  line("id", file.id);
  line("size", format_size(file.size));
  line("from", envelope.sender);
  if (!envelope.envid.empty()) line("envid", envelope.envid);
  if (envelope.ret != smtp::Return::unsaid) line("ret", kReturns[static_cast<std::size_t>(envelope.ret)]);
  if (envelope.body != smtp::BodyType::seven_bit) line("body", kBodies[static_cast<std::size_t>(envelope.body)]);
  if (envelope.smtputf8) line("smtputf8", "yes");
  if (envelope.priority != 0) line("priority", std::to_string(envelope.priority));
  if (const auto& by = envelope.deliver_by) {
    line("by",
         std::to_string(base::unix_seconds(by->time)) + (by->give_back ? " return" : "") + (by->trace ? " trace" : ""));
  }
  for (const smtp::Recipient& recipient : envelope.recipients) {
    line("to", recipient.address);
    if (const std::string notify = format_notify(recipient.notify); !notify.empty()) line("notify", notify);
    if (!recipient.orcpt.empty()) line("orcpt", recipient.orcpt);
  }
  return out + '\n';
}

base::Result<SpoolFile> parse_head(std::string_view begin) {
  begin = begin.substr(0, kMaxHead);
  if (!begin.starts_with(kFirstLine)) return base::fail(Code::invalid, "it does not begin as a file of the spool does");
  SpoolFile file;
  bool sized = false;
  bool from = false;
  for (std::size_t at = kFirstLine.size();;) {
    const std::size_t end = begin.find('\n', at);
    if (end == std::string_view::npos) return base::fail(Code::invalid, "its head does not end");
    const std::string_view line = begin.substr(at, end - at);
    at = end + 1;
    if (line.empty()) {
      file.message_begin = at;
      break;
    }
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) return wrong(line);
    const std::string_view key = line.substr(0, space);
    const std::string_view value = line.substr(space + 1);
    if (key == "id") {
      if (!is_spool_id(value)) return wrong(line);
      file.id = value;
    } else if (key == "size") {
      const auto size = base::parse_u64(value);
      if (!size) return wrong(line);
      file.size = *size;
      sized = true;
    } else if (!take(key, value, file)) {
      return wrong(line);
    }
    from = from || key == "from";
  }
  if (file.id.empty() || !sized || !from || file.envelope.recipients.empty()) {
    return base::fail(Code::invalid, "its head has no id, size, from or to");
  }
  return file;
}

}  // namespace sendmail

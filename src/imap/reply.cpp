#include "imap/reply.h"

#include "base/text.h"

namespace imap {

namespace {

// RFC 5530 §3.
std::string_view response_code(base::Code code) {
  switch (code) {
    case base::Code::not_found:
      return "NONEXISTENT";
    case base::Code::exists:
      return "ALREADYEXISTS";
    case base::Code::denied:
      return "NOPERM";
    case base::Code::too_large:
      return "LIMIT";
    case base::Code::over_quota:
      return "OVERQUOTA";
    case base::Code::no_space:
    case base::Code::suspended:
    case base::Code::unavailable:
    case base::Code::busy:
      return "UNAVAILABLE";
    case base::Code::corrupt:
      return "CORRUPTION";
    case base::Code::invalid:
    case base::Code::conflict:
    case base::Code::unsupported:
      return "CANNOT";
  }
  return "SERVERBUG";
}

Reply refusal(std::string_view code, const base::Error& error) {
  return {Reply::Kind::no, "[" + std::string(code) + "] " + base::printable(error.text, 300)};
}

}  // namespace

Reply completed(std::string_view verb) { return ok(std::string(verb) + " completed"); }

Reply completed(std::string_view verb, const std::string& code) {
  return ok("[" + code + "] " + std::string(verb) + " completed");
}

Reply refused(const base::Error& error) { return refusal(response_code(error.code), error); }

Reply refused_target(const base::Error& error) {
  return refusal(error.code == base::Code::not_found ? "TRYCREATE" : response_code(error.code), error);
}

void append_reply(std::string& out, std::string_view tag, const Reply& reply) {
  static constexpr std::string_view kWords[] = {" OK ", " NO ", " BAD "};
  out += tag;
  out += kWords[static_cast<int>(reply.kind)];
  out += reply.text;
  out += "\r\n";
}

void append_line(std::string& out, std::string_view line) {
  out += line;
  out += "\r\n";
}

void append_code(std::string& out, std::string_view code, std::uint64_t number, std::string_view text) {
  out += "* OK [";
  out += code;
  out += ' ';
  out += std::to_string(number);
  out += "] ";
  out += text;
  out += "\r\n";
}

}  // namespace imap

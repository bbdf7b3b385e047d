#include "mime/writer.h"

#include <algorithm>
#include <cstddef>

#include "base/text.h"
#include "mime/charset.h"
#include "mime/encode.h"
#include "mime/utf8.h"

namespace mime {
namespace {

constexpr std::size_t kLongestLine = 998;  // RFC 5322 §2.1.1

struct Look {
  std::size_t eight_bit = 0;
  std::size_t longest_line = 0;
  bool nul = false;
  bool control = false;
  bool trouble = false;  // a line that transports change: "From ", a dot, white space at its end
};

// Of a text with CRLF line ends.
Look look_at(std::string_view text) {
  Look out;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find("\r\n", begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    out.longest_line = std::max(out.longest_line, line.size());
    out.trouble |= line.starts_with("From ") || line.starts_with('.') || line.ends_with(' ') || line.ends_with('\t');
    for (const char c : line) {
      out.eight_bit += static_cast<unsigned char>(c) >= 0x80;
      out.nul |= c == '\0';
      out.control |= (c >= 0 && c < ' ' && c != '\t') || c == 127;
    }
    begin = end + 2;
  }
  return out;
}

// No boundary occurs in it, so none is quoted or ends with a space (RFC 2046 §5.1.1). "=_" can stand in neither
// quoted-printable nor base64.
std::string boundary_for(const std::vector<std::string>& parts, std::string_view unique) {
  std::string clean;
  for (const char c : unique.substr(0, 40)) {
    if (base::is_alpha(c) || base::is_digit(c)) clean += c;
  }
  for (std::size_t n = 0;; ++n) {
    std::string boundary = "=_" + std::to_string(n) + '_' + clean;
    if (std::ranges::none_of(parts, [&](const std::string& part) { return part.contains(boundary); })) return boundary;
  }
}

}  // namespace

Entity Entity::text(std::string_view utf8, std::string_view subtype) {
  std::string body = with_crlf(repair_utf8(utf8));
  const Look look = look_at(body);
  HeaderWriter header;
  header.value("Content-Type", "text/" + std::string(subtype),
               {{.name = "charset", .value = look.eight_bit > 0 ? "utf-8" : "us-ascii"}});
  std::string_view encoding = "7bit";
  if (look.eight_bit * 3 > body.size()) {
    encoding = "base64";
    body = encode_base64(body);
  } else if (look.eight_bit > 0 || look.control || look.trouble || look.longest_line > 78) {
    encoding = "quoted-printable";
    body = encode_quoted_printable(body);
  }
  header.value("Content-Transfer-Encoding", encoding);
  return {std::move(header), std::move(body), false};
}

Entity Entity::bytes(std::string_view bytes, std::string_view type, std::string_view file_name) {
  HeaderWriter header;
  header.value("Content-Type", type);
  header.value("Content-Transfer-Encoding", "base64");
  if (!file_name.empty()) {
    header.value("Content-Disposition", "attachment", {{.name = "filename", .value = std::string(file_name)}});
  }
  return {std::move(header), encode_base64(bytes), false};
}

Entity Entity::message(std::string_view rfc822, std::string_view subtype) {
  std::string body = with_crlf(rfc822);
  const Look look = look_at(body);
  if (look.nul || look.longest_line > kLongestLine) return bytes(rfc822, "application/octet-stream", "message.eml");
  HeaderWriter header;
  header.value("Content-Type", "message/" + std::string(subtype));
  header.value("Content-Transfer-Encoding", look.eight_bit > 0 ? "8bit" : "7bit");
  return {std::move(header), std::move(body), look.eight_bit > 0};
}

Entity Entity::headers(std::string_view block) { return text(to_utf8(block, ""), "rfc822-headers"); }

Entity Entity::fields(std::string_view subtype, const std::vector<HeaderWriter>& blocks) {
  HeaderWriter header;
  header.value("Content-Type", "message/" + std::string(subtype));
  header.value("Content-Transfer-Encoding", "7bit");
  std::string body;
  for (const HeaderWriter& block : blocks) {
    if (!body.empty()) body += "\r\n";
    body += block.block();
  }
  const bool eight_bit = look_at(body).eight_bit > 0;
  return {std::move(header), std::move(body), eight_bit};
}

Entity Entity::multipart(std::string_view subtype, const std::vector<Entity>& parts, std::string_view unique,
                         std::vector<Parameter> parameters) {
  std::vector<std::string> texts;
  bool eight_bit = false;
  for (const Entity& part : parts) {
    texts.push_back(part.header_.block() + "\r\n" + part.body_);
    eight_bit |= part.eight_bit_;
  }
  const std::string boundary = boundary_for(texts, unique);
  parameters.push_back({.name = "boundary", .value = boundary});
  HeaderWriter header;
  header.value("Content-Type", "multipart/" + std::string(subtype), parameters);
  // RFC 2045 §6.4: what a multipart is in is what the most demanding of its parts is in.
  header.value("Content-Transfer-Encoding", eight_bit ? "8bit" : "7bit");
  std::string body;
  for (const std::string& text : texts) {
    if (!body.empty()) body += "\r\n";
    body += "--" + boundary + "\r\n" + text;
  }
  if (!body.empty()) body += "\r\n";
  body += "--" + boundary + "--\r\n";
  return {std::move(header), std::move(body), eight_bit};
}

std::string Entity::whole(const HeaderWriter& header) const {
  HeaderWriter all = header;
  all.value("MIME-Version", "1.0");
  return all.block() + header_.block() + "\r\n" + body_;
}

}  // namespace mime

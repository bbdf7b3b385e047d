// Input: values of any bytes, from which a message is written. The parser must read from it what was meant, and nothing
// else: no value adds a field or a part, and no line breaks a limit.

#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/text.h"
#include "mime/charset.h"
#include "mime/decode.h"
#include "mime/encode.h"
#include "mime/header.h"
#include "mime/invariants.h"
#include "mime/utf8.h"
#include "mime/writer.h"

namespace {

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

std::string decoded(const mime::Part& p, std::string_view bytes) {
  return mime::decode_transfer(bytes.substr(p.body_begin, p.end - p.body_begin), p.encoding);
}

void check_lines(std::string_view text) {
  require(!text.contains('\0'), "a NUL");
  while (!text.empty()) {
    const std::size_t end = std::min(text.find("\r\n"), text.size());
    require(end <= 998 && text.substr(0, end).find_first_of("\r\n") == std::string_view::npos, "a bad line");
    text.remove_prefix(std::min(end + 2, text.size()));
  }
}

void check_addresses(const std::vector<mime::Address>& sent, std::string_view body) {
  std::vector<mime::Address> read = mime::addresses(body);
  require(read.size() == sent.size(), "the addresses are other ones");
  for (std::size_t i = 0; i < sent.size(); ++i) {
    const mime::Address& a = sent[i];
    read[i].name = mime::decode_text(read[i].name);
    if (a.group_start) read[i].local = mime::decode_text(read[i].local);
    require(read[i].name == mime::clean_text(a.name, 1000), "a name changed");
    require(read[i].local == (a.group_start ? mime::clean_text(a.local, 1000) : a.local), "a local part changed");
    require(read[i].domain == a.domain && read[i].group_start == a.group_start && read[i].group_end == a.group_end,
            "an address changed");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider in(data, size);
  const std::string subject = in.ConsumeRandomLengthString(300);
  const std::string file_name = in.ConsumeRandomLengthString(300);
  const std::string unique = in.ConsumeRandomLengthString(50);
  std::vector<mime::Address> list;
  for (int i = in.ConsumeIntegralInRange(0, 4); i > 0; --i) {
    list.push_back({.name = in.ConsumeRandomLengthString(100),
                    .local = in.ConsumeRandomLengthString(40),
                    .domain = in.ConsumeRandomLengthString(40)});
  }
  if (in.ConsumeBool()) {
    list.insert(list.begin(), {.local = in.ConsumeRandomLengthString(100), .group_start = true});
    list.push_back({.group_end = true});
  }
  const std::string text = in.ConsumeRandomLengthString(2000);
  const std::string binary = in.ConsumeRandomLengthString(2000);
  const std::string original = in.ConsumeRemainingBytesAsString();

  mime::HeaderWriter header;
  header.text("Subject", subject);
  const bool addressed = header.addresses("To", list).has_value() && !list.empty();
  header.ids("Message-ID", {mime::message_id(subject, file_name)});
  mime::HeaderWriter status;
  status.text("Diagnostic-Code", subject);
  const std::string whole =
      mime::Entity::multipart(
          "mixed",
          {mime::Entity::text(text), mime::Entity::bytes(binary, "application/x-data", file_name),
           mime::Entity::fields("delivery-status", {status, status}), mime::Entity::message(original)},
          unique)
          .whole(header);
  check_lines(whole);

  const mime::Message m = mime::parse(whole);
  require(mime::check_message(m, whole, {}).empty(), "the message is described wrongly");
  require(!m.bare_cr_or_lf && !m.nul, "bare line ends");
  const auto fields = mime::fields(whole);
  require(fields.size() == (addressed ? 6 : 5), "the fields are other ones");
  require(mime::decode_text(fields[0].body) == mime::clean_text(subject, 16 * 1024), "the subject changed");
  if (addressed) check_addresses(list, fields[1].body);

  require(m.parts.size() >= 5, "a part is missing");
  std::vector<const mime::Part*> children;
  for (std::uint32_t i = m.parts[0].first_child; i != mime::kNoPart; i = m.parts[i].next_sibling) {
    children.push_back(&m.parts[i]);
  }
  require(children.size() == 4, "a part was added or lost");
  require(decoded(*children[0], whole) == mime::with_crlf(mime::repair_utf8(text)), "the text changed");
  require(decoded(*children[1], whole) == binary, "the bytes changed");
  const auto& parameters = children[1]->disposition_parameters;
  require(file_name.empty() || (parameters.size() == 1 && parameters[0].value == mime::clean_text(file_name, 1000)),
          "the file name changed");
  const std::string line = status.block();
  require(decoded(*children[2], whole) == line + "\r\n" + line, "the status changed");
  const std::string within = decoded(*children[3], whole);
  const std::string expected = children[3]->message() ? mime::with_crlf(original) : original;
  // Where it ends within a header, the line end before the delimiter is that header's blank line to the parser.
  require(within == expected || within == expected + "\r\n", "the message within changed");
  return 0;
}

// The parser: total on any text; what it accepts is within its bounds.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "imap/command.h"
#include "imap/envelope.h"
#include "imap/fetch_parts.h"
#include "imap/names.h"
#include "imap/thread.h"

namespace {

void check(const imap::Search& search) {
  if (search.program.empty() || search.program.size() > imap::kMaxSearchSteps) std::abort();
  std::size_t depth = 0;  // a postfix program leaves one verdict
  for (const auto& step : search.program) {
    using Op = imap::SearchStep::Op;
    const std::size_t takes = step.op == Op::op_not   ? 1
                              : step.op == Op::op_or  ? 2
                              : step.op == Op::op_and ? step.count
                                                      : 0;
    if (depth < takes) std::abort();
    depth = depth - takes + 1;
  }
  if (depth != 1) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // A subject and an ENVELOPE are somebody's bytes, too.
  (void)imap::base_subject(text);
  (void)imap::parse_envelope(text);
  if (imap::message_ids(text).size() > imap::kMaxReferences) std::abort();
  for (const bool catenating : {false, true}) {
    for (const bool utf8 : {false, true})
      (void)imap::parse_append_piece(text, {.catenating = catenating, .utf8 = utf8});
  }
  const auto parsed = imap::parse_command(text);
  if (!parsed.command) {
    if (parsed.command.error().text.empty()) std::abort();
    return 0;
  }
  const auto& arguments = parsed.command->arguments;
  if (const auto* search = std::get_if<imap::Search>(&arguments)) check(*search);
  if (const auto* multi = std::get_if<imap::MultiSearch>(&arguments)) {
    if (multi->in.empty()) std::abort();
    check(multi->search);
  }
  if (const auto* sort = std::get_if<imap::Sort>(&arguments)) check(sort->search);
  if (const auto* thread = std::get_if<imap::Thread>(&arguments)) check(thread->search);
  if (const auto* list = std::get_if<imap::List>(&arguments)) {
    for (const auto& pattern : list->patterns) (void)imap::Pattern(pattern).matches("Work/Projects/2026");
  }
  if (const auto* mailbox = std::get_if<imap::MailboxName>(&arguments)) {
    if (const auto name = imap::decode_utf7(mailbox->name)) {
      if (imap::encode_utf7(*name) != mailbox->name) std::abort();  // one name, one spelling
    }
  }
  if (const auto* fetch = std::get_if<imap::Fetch>(&arguments)) {
    std::string out;
    for (const auto& item : fetch->bodies) imap::append_item_name(out, item);
    if (out.find_first_of("\r\n") != std::string::npos) std::abort();
  }
  return 0;
}

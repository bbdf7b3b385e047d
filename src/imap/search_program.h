#pragma once
// A search made ready for one mailbox: numbers resolved, strings folded. Verdicts are three-valued, and knowledge of a
// message is gathered from cheap to dear (row, email record, header, body) until the verdict is certain, so a message
// is only read when its flags, size and dates leave it open. Immutable once made; any thread.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "imap/command.h"
#include "imap/selected.h"
#include "mailstore/mailstore.h"

namespace imap {

enum class Verdict : std::uint8_t { no, yes, open };

class SearchProgram {
 public:
  using Step = SearchStep;

  /// `steps` must outlive it.
  SearchProgram(const std::vector<Step>& steps, const Selected& selected, base::WallTime now);

  /// One verdict for each step; those of operators are not used.
  using Verdicts = std::vector<Verdict>;
  Verdict combine(const Verdicts& verdicts, std::vector<Verdict>& stack) const;

  /// What the row alone tells; the rest is open.
  void judge_row(std::size_t index, const mailstore::Row& row, Verdicts& verdicts) const;
  /// Emails are only read for these.
  void judge_email(const mailstore::EmailReader::Email& email, Verdicts& verdicts) const;
  void judge_header(std::string_view header, Verdicts& verdicts) const;
  /// BODY and TEXT keys that are still open.
  base::Result<void> judge_body(mailstore::EmailReader& reader, const mailstore::EmailReader::Email& email,
                                Verdicts& verdicts) const;

  /// Keys of the save date, which only the message's record in the mailbox has.
  base::Result<void> judge_saved(mailstore::EmailReader& reader, mailstore::Uid uid, Verdicts& verdicts) const;

  bool needs_saved() const { return needs_saved_; }
  bool needs_header() const { return needs_header_; }
  bool needs_body() const { return needs_body_; }

 private:
  const std::vector<Step>& steps_;
  const Selected& selected_;
  std::shared_ptr<const mailstore::View> view_;
  std::vector<std::vector<Range>> ranges_;  // by step
  std::vector<std::string> needles_;        // by step, folded
  std::int64_t now_ = 0;
  bool needs_saved_ = false;
  bool needs_header_ = false;
  bool needs_body_ = false;
};

/// All of it for one message. not_found when it was expunged meanwhile.
base::Result<bool> judge(const SearchProgram& program, std::size_t index, const mailstore::Row& row,
                         mailstore::EmailReader& reader);

}  // namespace imap

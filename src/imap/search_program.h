#pragma once
// A search made ready for one mailbox: numbers resolved, strings folded. Verdicts are three-valued, and knowledge of a
// message is gathered from cheap to dear (row, email record, header, body) until the verdict is certain, so a message
// is only read when its flags, size and dates leave it open. Immutable once made; any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imap/command.h"
#include "imap/fuzzy.h"
#include "imap/selected.h"
#include "mailstore/mailstore.h"

namespace imap {

enum class Verdict : std::uint8_t { no, yes, open };

class SearchProgram {
 public:
  using Step = SearchStep;

  /// `steps` must outlive it. `scored`: how relevant messages are to keys that are not strict will be asked.
  SearchProgram(const std::vector<Step>& steps, const Selected& selected, base::WallTime now, bool scored = false);

  /// One verdict for each step; those of operators are not used.
  using Verdicts = std::vector<Verdict>;
  Verdict combine(const Verdicts& verdicts, std::vector<Verdict>& stack) const;

  /// What the row alone tells; the rest is open.
  void judge_row(std::size_t index, const mailstore::Row& row, Verdicts& verdicts) const;
  /// What was found of the keys that are not strict, by step; nothing for the others.
  using Matches = std::vector<std::optional<FuzzyMatch>>;
  Matches matches() const;

  /// Emails are only read for these.
  void judge_email(const mailstore::EmailReader::Email& email, Verdicts& verdicts, Matches& matches) const;
  void judge_header(std::string_view header, Verdicts& verdicts, Matches& matches) const;
  /// BODY and TEXT keys that are still open.
  base::Result<void> judge_body(mailstore::EmailReader& reader, const mailstore::EmailReader::Email& email,
                                Verdicts& verdicts, Matches& matches) const;
  /// Of a message that was found: the mean of the keys that it must satisfy, the best of those of which one is enough.
  unsigned score(const Verdicts& verdicts, const Matches& matches) const;

  /// Keys of the save date, which only the message's record in the mailbox has.
  base::Result<void> judge_saved(mailstore::EmailReader& reader, mailstore::Uid uid, Verdicts& verdicts) const;

  bool needs_saved() const { return needs_saved_; }
  bool needs_header() const { return needs_header_; }
  bool needs_body() const { return needs_body_; }

 private:
  bool finds(std::size_t step, std::string_view folded, unsigned place, Matches& matches) const;

  const std::vector<Step>& steps_;
  const Selected& selected_;
  std::shared_ptr<const mailstore::View> view_;
  std::vector<std::vector<Range>> ranges_;      // by step
  std::vector<std::string> needles_;            // by step, folded
  std::vector<std::optional<FuzzyKey>> fuzzy_;  // by step; empty when there is none
  std::int64_t now_ = 0;
  bool scored_ = false;
  bool needs_saved_ = false;
  bool needs_header_ = false;
  bool needs_body_ = false;
};

/// All of it for one message: nothing when it is not found, else its score, which is 100 for a search that is strict.
/// not_found when it was expunged meanwhile.
base::Result<std::optional<unsigned>> judge(const SearchProgram& program, std::size_t index, const mailstore::Row& row,
                                            mailstore::EmailReader& reader);

}  // namespace imap

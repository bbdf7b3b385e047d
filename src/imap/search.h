#pragma once
// Private to the room. A search that is under way, for SEARCH, SORT, THREAD and contexts (RFC 9051 §6.4.4, RFC 5256).
// Rows are judged on the session's loop in slices, messages that have to be read on the pool in jobs of bounded work,
// between which a lost connection is noticed. The session and the request outlive it.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "imap/context.h"
#include "imap/driver.h"
#include "imap/progress.h"
#include "imap/search_program.h"

namespace imap {

class Searching {
 public:
  /// In the selected mailbox, or in one that the caller looks at for this. `progress` is of the command, and outlives
  /// it. `scored`: how relevant the results are is wanted as well (RFC 6203 §4).
  Searching(Session& session, const Selected& where, const Search& request, Progress& progress, bool scored = false)
      : session_(session),
        where_(where),
        view_(where.view()),
        program_(std::make_shared<const SearchProgram>(request.program, where, session.services.clock.now(), scored)),
        scored_(scored),
        progress_(progress) {}

  /// Among the messages with these UIDs; without any, among all.
  net::Task<base::Result<void>> run(std::vector<Range> among = {{1, UINT32_MAX}});
  /// Says how far the command is (Progress::tell()). `read`: results with which something was done, which counts as
  /// much as the search.
  net::Task<void> sign_of_life(std::size_t read = 0);
  const std::vector<Range>& numbers() const { return numbers_; }  // sequence numbers
  const std::vector<Range>& uids() const { return uids_; }
  std::size_t count() const { return count_; }
  /// One for each of what was found, 1 to 100; empty unless they were wanted.
  const std::vector<std::uint8_t>& scores() const { return scores_; }
  /// Of what was found: the first, the last, and the highest of all (RFC 7162 §3.1.5, RFC 4731 §3.2).
  struct ModSeqs {
    mailstore::ModSeq first = 0;
    mailstore::ModSeq last = 0;
    mailstore::ModSeq highest = 0;
  };
  const ModSeqs& modseqs() const { return modseqs_; }

 private:
  struct Candidate {
    std::size_t index;
    const mailstore::Row* row;
    Verdict verdict;
    std::uint8_t score = 100;
  };
  net::Task<base::Result<void>> judge_open();
  void settle();

  Session& session_;
  const Selected& where_;
  std::shared_ptr<const mailstore::View> view_;  // keeps the rows of the candidates
  std::shared_ptr<const SearchProgram> program_;
  std::vector<Candidate> candidates_;  // ascending; yes, or open
  std::size_t open_ = 0;
  std::vector<Range> numbers_;
  std::vector<Range> uids_;
  std::vector<std::uint8_t> scores_;
  std::size_t count_ = 0;
  ModSeqs modseqs_;
  bool scored_;
  std::size_t looked_at_ = 0;  // rows of the view
  Progress& progress_;
};

/// What is done before a search: its charset and tag are looked at, filters are put in, CONDSTORE may be enabled and
/// EXPUNGE responses kept back. A reply: it is refused.
net::Task<std::optional<Reply>> begin_search(Session& session, std::string_view tag, Search& request);
/// "* ESEARCH (TAG "a") UID"
Correlator correlator_of(const Command& command);
/// The response that `begin` begins. `found`: what was found, as it is to be shown.
void append_esearch(std::string& out, std::string_view begin, const Search& request, const std::vector<Range>& found,
                    const Searching& searching, const mailstore::View& view);
/// What SAVE keeps: UIDs (RFC 9051 §6.4.4.1, RFC 9394 §3.2).
std::vector<Range> to_save(const Search& request, const Searching& searching);
/// " RELEVANCY (4 99 42)" (RFC 6203 §4)
void append_scores(std::string& out, std::span<const std::uint8_t> scores);
/// The places of the results whose scores RELEVANCY tells: with PARTIAL those that it shows, else all.
std::pair<std::size_t, std::size_t> scored_bounds(const Search& request, std::size_t count);
/// " PARTIAL (1:500 "
void append_partial_begin(std::string& out, const PartialRange& range);

}  // namespace imap

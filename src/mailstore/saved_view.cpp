#include "mailstore/saved_view.h"

#include <algorithm>
#include <limits>

namespace mailstore {
namespace {

/// In one commit: few enough that others do not wait long for the committer.
constexpr std::size_t kPiecesPerCommit = 8;
/// A mailbox with more different sets than people make is read from its placements.
constexpr std::size_t kMostSets = 4096;

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

bool take_varint(std::string_view& in, std::uint64_t& value) {
  value = 0;
  if (!in.empty() && static_cast<unsigned char>(in.front()) < 0x80) {  // most of them
    value = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    return true;
  }
  for (int shift = 0; shift < 64 && !in.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    if (shift == 63 && byte > 1) return false;
    value |= std::uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

/// A difference modulo 2^64, small in either direction (the zigzag of protobuf).
void put_step(std::string& out, std::uint64_t from, std::uint64_t to) {
  const std::uint64_t step = to - from;
  put_varint(out, (step << 1) ^ (step >> 63 != 0 ? ~std::uint64_t{0} : 0));
}

bool take_step(std::string_view& in, std::uint64_t& value) {
  std::uint64_t step = 0;
  if (!take_varint(in, step)) return false;
  value += (step >> 1) ^ ((step & 1) != 0 ? ~std::uint64_t{0} : 0);
  return true;
}

base::Error broken(const std::string& what) { return {base::Code::corrupt, "the saved view " + what}; }

/// Whether the mailbox that is being saved is still there.
base::Result<void> expect_there(const store::Txn& tx, AccountId account, const Rows& rows) {
  TRY_ASSIGN(const auto owner, tx.get(kAccounts, {account}));
  TRY_ASSIGN(const auto record, tx.get(kMailboxes, {account, rows.mailbox()}));
  if (owner && !owner->removing() && record && record->uid_validity() == rows.uid_validity()) return {};
  return base::fail(base::Code::not_found, "the mailbox is gone");
}

schema::SavedView head_of(const Synced& view, std::uint64_t generation) {
  const Rows& rows = *view.rows;
  schema::SavedView head;
  head.set_generation(generation);
  head.set_synced(view.synced);
  head.set_highest_modseq(rows.highest_modseq());
  head.set_uid_validity(rows.uid_validity());
  head.set_uid_next(rows.uid_next());
  head.set_rows(rows.size());
  head.set_pieces(static_cast<std::uint32_t>((rows.size() + kPieceRows - 1) / kPieceRows));
  head.set_keywords(static_cast<std::uint32_t>(rows.sets().names.size()));
  std::vector<const std::string*> sets(rows.sets().sets.size());
  for (const auto& [numbers, number] : rows.sets().numbers) sets[number] = &numbers;
  for (const std::string* numbers : sets) head.add_keyword_sets(*numbers);
  return head;
}

/// Rows [first, first + kPieceRows) of a view.
schema::SavedRows piece_of(const Rows& rows, std::size_t first) {
  std::vector<Row> piece;
  piece.reserve(kPieceRows);
  for (std::size_t i = first; i < std::min(rows.size(), first + kPieceRows); ++i) piece.push_back(rows.at(i));
  schema::SavedRows record;
  record.set_rows(encode_rows(piece));
  return record;
}

/// The mailbox as its record was when the view was saved.
base::Result<schema::MailboxRecord> record_then(const schema::SavedView& head, const schema::MailboxRecord& now) {
  if (head.keywords() > static_cast<std::uint32_t>(now.keywords_size())) return std::unexpected(broken("has keywords"));
  schema::MailboxRecord then;
  then.set_uid_validity(head.uid_validity());
  then.set_uid_next(head.uid_next());
  then.set_highest_modseq(head.highest_modseq());
  for (std::uint32_t i = 0; i < head.keywords(); ++i) then.add_keywords(now.keywords(static_cast<int>(i)));
  return then;
}

}  // namespace

std::string encode_rows(std::span<const Row> rows) {
  std::string out;
  out.reserve(rows.size() * 16);
  Row before;
  for (const Row& row : rows) {
    put_varint(out, row.uid - before.uid);
    out.push_back(static_cast<char>(row.flags));
    put_varint(out, row.keywords);
    put_varint(out, row.size);
    put_step(out, before.email.value, row.email.value);
    put_step(out, before.modseq, row.modseq);
    before = row;
  }
  return out;
}

bool decode_rows(std::string_view bytes, std::vector<Row>& out) {
  Uid above = out.empty() ? 0 : out.back().uid;
  std::uint64_t uid = 0;
  EmailId email;
  ModSeq modseq = 0;
  while (!bytes.empty()) {
    std::uint64_t step = 0;
    std::uint64_t keywords = 0;
    std::uint64_t size = 0;
    if (!take_varint(bytes, step) || step > std::numeric_limits<Uid>::max() || bytes.empty()) return false;
    uid += step;
    if (uid > std::numeric_limits<Uid>::max() || uid <= above) return false;
    const auto flags = static_cast<std::uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    if (!take_varint(bytes, keywords) || keywords > std::numeric_limits<decltype(Row::keywords)>::max()) return false;
    if (!take_varint(bytes, size) || size > std::numeric_limits<decltype(Row::size)>::max()) return false;
    if (!take_step(bytes, email.value) || !email || !take_step(bytes, modseq)) return false;
    // Made where it stays: a copy would wait until its small parts have been written.
    Row& row = out.emplace_back();
    row.uid = above = static_cast<Uid>(uid);
    row.size = static_cast<std::uint32_t>(size);
    row.email = email;
    row.modseq = modseq;
    row.keywords = static_cast<std::uint16_t>(keywords);
    row.flags = flags;
  }
  return true;
}

base::Result<std::optional<Synced>> read_saved_view(const store::Reader& reader, AccountId account, MailboxId mailbox,
                                                    const schema::MailboxRecord& record) {
  TRY_ASSIGN(const auto head, reader.get(kSavedViews, {account, mailbox}));
  if (!head || head->uid_validity() != record.uid_validity()) return std::nullopt;
  TRY_ASSIGN(const auto then, record_then(*head, record));
  RowsBuilder builder(mailbox, then, nullptr);
  for (int i = 0; i < head->keyword_sets_size(); ++i) {
    if (builder.set_number(head->keyword_sets(i)) != i) return std::unexpected(broken("names a keyword set twice"));
  }
  std::vector<Row> rows;
  rows.reserve(kPieceRows + 1);
  std::uint64_t count = 0;
  std::uint32_t pieces = 0;
  auto cursor = reader.scan(kSavedRows, account, mailbox, head->generation());
  for (; cursor.valid(); cursor.next(), ++pieces) {
    TRY_ASSIGN(const auto piece, cursor.value());
    if (!rows.empty()) rows.erase(rows.begin(), rows.end() - 1);  // its UID bounds the next ones
    const std::size_t known = rows.size();
    if (!decode_rows(piece.rows(), rows)) return std::unexpected(broken("does not decode"));
    for (const Row& row : std::span(rows).subspan(known)) {
      if (row.keywords >= head->keyword_sets_size()) return std::unexpected(broken("lacks a keyword set"));
      builder.append(row);
    }
    count += rows.size() - known;
  }
  if (cursor.error()) return std::unexpected(*cursor.error());
  if (pieces != head->pieces() || count != head->rows()) return std::unexpected(broken("is not whole"));
  return Synced{builder.build(), head->synced()};
}

net::Task<base::Result<void>> save_view(store::Store& store, AccountId account, Synced view) {
  const Rows& rows = *view.rows;
  if (rows.sets().sets.size() > kMostSets) co_return base::Result<void>();
  const std::uint64_t generation = store.next_id();
  const schema::SavedView head = head_of(view, generation);
  for (std::uint32_t first = 0; first < head.pieces(); first += kPiecesPerCommit) {
    std::vector<schema::SavedRows> pieces;
    for (std::size_t i = first; i < std::min<std::size_t>(head.pieces(), first + kPiecesPerCommit); ++i) {
      pieces.push_back(piece_of(rows, i * kPieceRows));
    }
    CO_TRY(co_await store.write({store::Owner::of(account)}, [&](store::Txn& tx) -> base::Result<void> {
      // So a removal that has begun finds nothing new behind it.
      TRY(expect_there(tx, account, rows));
      for (std::uint32_t i = 0; i < pieces.size(); ++i) {
        tx.put(kSavedRows, {account, rows.mailbox(), generation, first + i}, pieces[i]);
      }
      return {};
    }));
  }
  CO_TRY(co_await store.write({store::Owner::of(account)}, [&](store::Txn& tx) -> base::Result<void> {
    TRY(expect_there(tx, account, rows));
    tx.put(kSavedViews, {account, rows.mailbox()}, head);
    return {};
  }));
  bool more = true;
  while (more) {
    CO_TRY(co_await store.write(
        {store::Owner::of(account)},
        [&](store::Txn& tx) -> base::Result<void> {
          TRY_ASSIGN(more, erase_saved_view(tx, account, rows.mailbox(), generation));
          return {};
        },
        store::Kind::frees_space));
  }
  co_return base::Result<void>();
}

base::Result<bool> erase_saved_view(store::Txn& tx, AccountId account, MailboxId mailbox, std::uint64_t kept) {
  constexpr std::size_t kMost = 64;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> found;
  auto cursor = tx.scan(kSavedRows, account, mailbox);
  while (cursor.valid() && found.size() < kMost) {
    const auto& [owner, box, generation, piece] = cursor.key();
    if (generation == kept) {
      cursor.seek({account, mailbox, kept + 1, 0});
      continue;
    }
    found.emplace_back(generation, piece);
    cursor.next();
  }
  if (cursor.error()) return std::unexpected(*cursor.error());
  for (const auto& [generation, piece] : found) tx.erase(kSavedRows, {account, mailbox, generation, piece});
  if (kept == 0) tx.erase(kSavedViews, {account, mailbox});
  return found.size() == kMost;
}

}  // namespace mailstore

#include "mailstore/views.h"

#include <algorithm>
#include <limits>

namespace mailstore {
namespace {

/// What an entry costs besides its rows, in rows.
constexpr std::size_t kEntryRows = 32;

base::Error no_mailbox(MailboxId mailbox) {
  return {base::Code::not_found, "there is no mailbox " + std::to_string(mailbox.value)};
}

base::Counter counter(const base::Log& log, std::string_view how) {
  return log.metrics().counter("postrider_mailstore_views_total",
                               "Views of mailboxes that were asked for, by what it took.", {{"how", how}});
}

}  // namespace

Views::Views(Context& context, Save save, std::size_t cached_rows, std::size_t saved_rows)
    : context_(context),
      save_(std::move(save)),
      cached_rows_(cached_rows),
      saved_rows_(saved_rows),
      kept_(counter(context.log, "kept")),
      advanced_(counter(context.log, "advanced")),
      restored_(counter(context.log, "restored")),
      read_(counter(context.log, "read")),
      cached_gauge_(context.log.metrics().gauge("postrider_mailstore_view_rows",
                                                "Messages in the views of mailboxes that are kept in memory.")) {}

net::Task<Views::Result> Views::get(AccountId account, MailboxId mailbox, AccountId reader) {
  const Id id{account, mailbox, reader == account ? AccountId{} : reader};
  const Waiter waiter = std::make_shared<net::Completion<Result>>();
  {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[id];
    const std::shared_ptr<const Rows> rows = entry.strong ? entry.strong : entry.weak.lock();
    if (rows && entry.synced >= context_.live.assigned(account)) {
      if (entry.strong) recency_.splice(recency_.begin(), recency_, entry.recency);
      kept_.add();
      co_return rows;
    }
    entry.waiting.push_back(waiter);
    if (!entry.working) {
      entry.working = true;
      context_.store.pool().submit([self = shared_from_this(), id] { self->work(id); });
    }
  }
  co_return co_await waiter->wait();
}

void Views::work(Id id) {
  while (true) {
    std::vector<Waiter> waiting;
    Loaded base;
    {
      const std::lock_guard lock(mutex_);
      Entry& entry = entries_[id];
      waiting.swap(entry.waiting);
      if (waiting.empty()) {
        entry.working = false;
        if (!entry.strong && entry.weak.expired()) entries_.erase(id);
        return;
      }
      base = {{entry.strong ? entry.strong : entry.weak.lock(), entry.synced}, entry.saved};
      entry.dropped = false;
    }
    // Whoever waits now asked before this snapshot is taken; who comes later waits for the next round.
    base::Result<Loaded> loaded = base::fail(base::Code::unavailable, "the mailbox could not be read");
    try {
      loaded = load(id, base);
    } catch (const std::exception& e) {
      context_.log.error("mailstore.view.failed",
                         {{"account", id.account.value}, {"mailbox", id.mailbox.value}, {"why", e.what()}});
    }
    Garbage garbage;
    bool save = false;
    {
      const std::lock_guard lock(mutex_);
      Entry& entry = entries_[id];
      if (loaded && !entry.dropped) {
        save = !id.reader && worth_saving(*loaded);
        if (save) loaded->saved = {loaded->synced, loaded->rows->highest_modseq(), 0};
        keep(id, entry, *loaded, garbage);
      }
      if (!loaded && loaded.error().code == base::Code::not_found) release(entry, garbage);
      sweep();
      cached_gauge_.set(static_cast<double>(rows_));
    }
    for (const Waiter& waiter : waiting) {
      waiter->set(loaded ? Result(loaded->rows) : Result(std::unexpected(loaded.error())));
    }
    if (save) save_(id.account, *loaded);
  }
}

void Views::keep(Id id, Entry& entry, const Loaded& loaded, Garbage& garbage) {
  const std::size_t cost = loaded.rows->size() + kEntryRows;
  if (entry.strong) {
    rows_ -= entry.cost;
    garbage.push_back(std::move(entry.strong));
    recency_.splice(recency_.begin(), recency_, entry.recency);
  } else {
    recency_.push_front(id);
    entry.recency = recency_.begin();
  }
  entry.strong = loaded.rows;
  entry.weak = loaded.rows;
  entry.synced = loaded.synced;
  entry.saved = loaded.saved;
  entry.cost = cost;
  rows_ += cost;
  // The one at hand stays even when it alone is above the limit: somebody is about to use it.
  while (rows_ > cached_rows_ && recency_.back() != id) {
    Entry& oldest = entries_[recency_.back()];
    rows_ -= oldest.cost;
    garbage.push_back(std::move(oldest.strong));
    recency_.pop_back();
  }
}

void Views::release(Entry& entry, Garbage& garbage) {
  if (entry.strong) {
    rows_ -= entry.cost;
    recency_.erase(entry.recency);
    garbage.push_back(std::move(entry.strong));
  }
  entry.weak.reset();
  entry.synced = 0;
}

void Views::sweep() {
  if (entries_.size() < sweep_at_) return;
  std::erase_if(entries_, [](const auto& item) {
    const Entry& entry = item.second;
    return !entry.strong && !entry.working && entry.weak.expired();
  });
  sweep_at_ = std::max<std::size_t>(1024, 2 * entries_.size());
}

void Views::drop(AccountId account) {
  Garbage garbage;
  const std::lock_guard lock(mutex_);
  for (auto it = entries_.lower_bound({account, MailboxId{}, AccountId{}});
       it != entries_.end() && it->first.account == account;) {
    release(it->second, garbage);
    if (it->second.working) {
      it->second.dropped = true;
      ++it;
    } else {
      it = entries_.erase(it);
    }
  }
}

/// What was saved, or no rows.
Views::Loaded Views::read_saved(const store::Reader& reader, Id id, const schema::MailboxRecord& record) const {
  if (record.messages() < saved_rows_) return {};
  auto saved = read_saved_view(reader, id.account, id.mailbox, record);
  if (!saved) {
    context_.log.warning("mailstore.view.unread", {{"account", id.account.value},
                                                   {"mailbox", id.mailbox.value},
                                                   {"why", saved.error().text},
                                                   {"then", "the placements are read"}});
  }
  if (!saved || !*saved) return {};
  restored_.add();
  return {**saved, {(*saved)->synced, (*saved)->rows->highest_modseq(), 0}};
}

/// Whether the mailbox has changed so much since it was saved that catching up would take milliseconds, or the account
/// so often that with as many changes again it would no longer be possible. For each change about 32 rows are written,
/// up to 125 in a mailbox of a million.
bool Views::worth_saving(const Loaded& loaded) const {
  const std::size_t size = loaded.rows->size();
  const Saved& saved = loaded.saved;
  if (size < saved_rows_ || loaded.rows->highest_modseq() == saved.highest) return false;
  if (saved.synced == 0 || saved.behind >= std::max<std::size_t>(1000, size / 32)) return true;
  return loaded.synced - saved.synced >= std::clamp<ModSeq>(size / 32, kKeptChanges / 10, kKeptChanges * 8 / 10);
}

base::Result<Views::Loaded> Views::load(Id id, Loaded base) const {
  TRY_ASSIGN(const auto reader, context_.store.reader());
  TRY_ASSIGN(const auto account, reader->get(kAccounts, {id.account}));
  if (!account || account->removing()) return std::unexpected(no_mailbox(id.mailbox));
  TRY_ASSIGN(const auto record, reader->get(kMailboxes, {id.account, id.mailbox}));
  if (!record || record->place_only()) return std::unexpected(no_mailbox(id.mailbox));

  // Whose \Seen it is has changed since: that of every message may be another.
  if (id.reader && record->seen_modseq() > base.synced) base = {};
  if (base.rows) {
    TRY_ASSIGN(auto moved, move_forward(*reader, id, *account, *record, base));
    if (moved) return *std::move(moved);
  }
  // What was saved is the owner's, and so are the placements.
  const Id owners{id.account, id.mailbox, {}};
  std::optional<Loaded> loaded;
  if (!base.rows) {
    Loaded saved = read_saved(*reader, owners, *record);
    if (saved.rows) {
      TRY_ASSIGN(loaded, move_forward(*reader, owners, *account, *record, saved));
    }
  }
  if (!loaded) {
    TRY_ASSIGN(auto rows, read_all(*reader, owners, *record));
    read_.add();
    loaded = Loaded{{std::move(rows), account->modseq()}, {}};
  }
  if (id.reader) {
    TRY_ASSIGN(loaded->rows, read_by(*reader, id, *record, loaded->rows));
    loaded->saved = {};
  }
  return *std::move(loaded);
}

/// Nothing when reading everything is the better way, or the only one.
base::Result<std::optional<Views::Loaded>> Views::move_forward(const store::Reader& reader, Id id,
                                                               const schema::MailAccount& account,
                                                               const schema::MailboxRecord& record,
                                                               Loaded& base) const {
  const ModSeq now = account.modseq();
  if (base.rows->uid_validity() != record.uid_validity() || base.synced > now) return std::nullopt;
  if (base.rows->highest_modseq() == record.highest_modseq() &&
      base.rows->access_key_modseq() == record.access_key_modseq()) {
    kept_.add();
    return Loaded{{base.rows, now}, base.saved};
  }
  if (base.synced < account.change_floor()) return std::nullopt;
  TRY_ASSIGN(auto rows, advance(reader, id, record, base, now));
  if (!rows) return std::nullopt;
  advanced_.add();
  return Loaded{{std::move(rows), now}, base.saved};
}

/// The owner's view, as somebody else has it.
base::Result<std::shared_ptr<const Rows>> Views::read_by(const store::Reader& reader, Id id,
                                                         const schema::MailboxRecord& record,
                                                         std::shared_ptr<const Rows> owners) const {
  if (!record.own_seen() && record.seen_modseq() == 0) return owners;
  std::vector<Row> changes;
  auto cursor = reader.scan(kOwnSeen, id.account, id.mailbox, id.reader);
  for (std::size_t i = 0; i < owners->size(); ++i) {
    Row row = owners->at(i);
    while (cursor.valid() && std::get<Uid>(cursor.key()) < row.uid) cursor.next();
    schema::OwnSeen own;
    if (cursor.valid() && std::get<Uid>(cursor.key()) == row.uid) {
      if (auto value = cursor.value()) own = *std::move(value);
    }
    read_as(record, own, row.flags, row.modseq);
    if (row.flags != owners->at(i).flags || row.modseq != owners->at(i).modseq) changes.push_back(row);
  }
  if (cursor.error()) return std::unexpected(*cursor.error());
  RowsBuilder builder(id.mailbox, record, owners.get());
  builder.amend(changes);
  return builder.build();
}

base::Result<std::shared_ptr<const Rows>> Views::read_all(const store::Reader& reader, Id id,
                                                          const schema::MailboxRecord& record) const {
  RowsBuilder builder(id.mailbox, record, nullptr);
  schema::PlacementRecord placement;  // reused: parsing is the cost of a SELECT
  auto cursor = reader.scan(kPlacements, id.account, id.mailbox);
  for (; cursor.valid(); cursor.next()) {
    const std::string_view bytes = cursor.raw_value();
    const Uid uid = std::get<Uid>(cursor.key());
    if (!placement.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      context_.log.error("mailstore.placement.broken",
                         {{"account", id.account.value}, {"mailbox", id.mailbox.value}, {"uid", uid}});
      continue;
    }
    builder.append(builder.row(uid, placement));
  }
  if (cursor.error()) return std::unexpected(*cursor.error());
  if (builder.overflowed()) {
    context_.log.warning("mailstore.keywords.overflow", {{"account", id.account.value}, {"mailbox", id.mailbox.value}});
  }
  return builder.build();
}

/// The base moved forward by the change records, or nothing when reading everything is the better way.
base::Result<std::shared_ptr<const Rows>> Views::advance(const store::Reader& reader, Id id,
                                                         const schema::MailboxRecord& record, Loaded& base,
                                                         ModSeq until) const {
  const std::size_t limit = 1000 + base.rows->size() / 4;
  std::vector<Uid> touched;
  auto cursor = reader.scan_range(kChanges, {id.account, ModSeq{base.synced + 1}}, {id.account, ModSeq{until + 1}});
  for (ModSeq expected = base.synced + 1; expected <= until; ++expected, cursor.next()) {
    if (!cursor.valid() || std::get<ModSeq>(cursor.key()) != expected) return nullptr;
    const auto change = cursor.value();
    if (!change) return nullptr;
    for (const schema::MailboxChange& part : change->mailboxes()) {
      if (part.mailbox() != id.mailbox.value) continue;
      touched.insert(touched.end(), part.updated().begin(), part.updated().end());
      touched.insert(touched.end(), part.destroyed().begin(), part.destroyed().end());
      if (part.created_count() > limit) return nullptr;
      for (std::uint32_t i = 0; i < part.created_count(); ++i) touched.push_back(part.created_first() + i);
    }
    if (touched.size() > limit) return nullptr;
  }
  std::ranges::sort(touched);
  touched.erase(std::ranges::unique(touched).begin(), touched.end());
  base.saved.behind += touched.size();

  RowsBuilder builder(id.mailbox, record, base.rows.get());
  std::vector<Row> rows;
  rows.reserve(touched.size());
  for (const Uid uid : touched) {
    auto placement = reader.get(kPlacements, {id.account, id.mailbox, uid});
    if (!placement && placement.error().code != base::Code::corrupt) return std::unexpected(placement.error());
    if (!placement) {
      context_.log.error("mailstore.placement.broken",
                         {{"account", id.account.value}, {"mailbox", id.mailbox.value}, {"uid", uid}});
    }
    rows.push_back(placement && *placement ? builder.row(uid, **placement) : Row{.uid = uid});
    if (id.reader && rows.back().email) {
      TRY_ASSIGN(const auto own, read_own_seen(reader, id.account, id.mailbox, id.reader, uid));
      read_as(record, own, rows.back().flags, rows.back().modseq);
    }
  }
  builder.amend(rows);
  // Numbers of keyword sets are never given back within a line of views: a new line has room again.
  if (builder.overflowed()) return nullptr;
  return builder.build();
}

}  // namespace mailstore

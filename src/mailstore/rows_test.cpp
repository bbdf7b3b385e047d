#include "mailstore/rows.h"

#include <doctest/doctest.h>

#include <random>

using namespace mailstore;

namespace {

schema::MailboxRecord record(std::vector<std::string> keywords = {}) {
  schema::MailboxRecord out;
  out.set_uid_validity(7);
  out.set_uid_next(1'000'000);
  out.set_highest_modseq(9);
  for (auto& keyword : keywords) out.add_keywords(std::move(keyword));
  return out;
}

schema::PlacementRecord placement(ModSeq modseq, std::string keywords = "") {
  schema::PlacementRecord out;
  out.set_email(modseq + 1000);
  out.set_modseq(modseq);
  out.set_size(10);
  out.set_keywords(std::move(keywords));
  return out;
}

std::shared_ptr<const Rows> rows(Uid count, Uid step = 1) {
  RowsBuilder builder(MailboxId{1}, record(), nullptr);
  for (Uid i = 1; i <= count; ++i) builder.append(builder.row(i * step, placement(1)));
  return builder.build();
}

std::shared_ptr<const Rows> amended(const Rows& base, const std::vector<Row>& changes) {
  RowsBuilder builder(MailboxId{1}, record(), &base);
  builder.amend(changes);
  return builder.build();
}

Row changed(Uid uid, ModSeq modseq) { return {.uid = uid, .email = EmailId{5}, .modseq = modseq}; }
Row gone(Uid uid) { return {.uid = uid}; }

std::size_t shared_chunks(const Rows& a, const Rows& b) {
  std::size_t count = 0;
  for (const auto& chunk : a.chunks()) count += std::ranges::count(b.chunks(), chunk) > 0 ? 1u : 0u;
  return count;
}

}  // namespace

TEST_CASE("positions and UIDs find each other in views of any size") {
  for (const Uid count : {0u, 1u, 511u, 512u, 513u, 5000u}) {
    CAPTURE(count);
    const auto view = rows(count, 3);
    REQUIRE(view->size() == count);
    for (std::size_t i = 0; i < count; ++i) {
      const Uid uid = static_cast<Uid>(i + 1) * 3;
      REQUIRE(view->at(i).uid == uid);
      REQUIRE(view->find(uid) == i);
      REQUIRE(view->lower_bound(uid - 1) == i);
      REQUIRE_FALSE(view->find(uid + 1));
    }
    CHECK(view->lower_bound(0) == 0);
    CHECK(view->lower_bound(4'000'000'000) == count);
    if (count > 600) {
      CHECK(view->at(count - 1).uid == count * 3);
      CHECK(view->at(0).uid == 3);
      CHECK(view->at(600).uid == 601 * 3);
    }
  }
}

TEST_CASE("a new message, a changed one and an expunged one cost one chunk each") {
  const auto old_view = rows(5120);
  REQUIRE(old_view->chunks().size() == 10);
  const auto new_view = amended(*old_view, {gone(3), changed(1000, 2), changed(5121, 3)});
  CHECK(new_view->size() == 5120);
  CHECK(shared_chunks(*old_view, *new_view) == 8);  // the last chunk is full: the new message begins another
  const Difference difference = compare(*old_view, *new_view);
  CHECK(difference.expunged == std::vector<std::uint32_t>{2});
  CHECK(difference.changed == std::vector<Uid>{1000});
  CHECK(difference.appended == 1);
  const Difference none = compare(*new_view, *new_view);
  CHECK((none.expunged.empty() && none.changed.empty() && none.appended == 0));
}

TEST_CASE("everything can be expunged, and thinned out chunks are packed again") {
  auto view = rows(20'000);
  const auto full = view;
  for (Uid begin = 1; begin <= 20'000; begin += 1000) {
    std::vector<Row> changes;
    for (Uid uid = begin; uid < begin + 1000; ++uid) {
      if (uid % 100 != 0) changes.push_back(gone(uid));
    }
    view = amended(*view, changes);
  }
  CHECK(view->size() == 200);
  CHECK(view->chunks().size() <= 9);
  const Difference difference = compare(*full, *view);
  CHECK(difference.expunged.size() == 19'800);
  CHECK(difference.appended == 0);
  std::vector<Row> rest;
  for (std::size_t i = 0; i < view->size(); ++i) rest.push_back(gone(view->at(i).uid));
  const auto empty = amended(*view, rest);
  CHECK(empty->size() == 0);
  CHECK(amended(*empty, {changed(30'000, 3)})->size() == 1);
}

TEST_CASE("keyword sets keep their numbers from view to view") {
  RowsBuilder first(MailboxId{1}, record({"work", "home"}), nullptr);
  first.append(first.row(1, placement(1)));
  first.append(first.row(2, placement(1, std::string("\0\1", 2))));
  const auto old_view = first.build();
  CHECK(old_view->at(0).keywords == 0);
  CHECK(old_view->keyword_set(0).empty());
  CHECK(old_view->keyword_set(old_view->at(1).keywords) == std::vector<std::string>{"work", "home"});
  CHECK(old_view->keywords() == std::vector<std::string>{"work", "home"});

  RowsBuilder second(MailboxId{1}, record({"work", "home", "$Junk"}), old_view.get());
  const std::vector<Row> changes{second.row(3, placement(2, "\2")),
                                 second.row(4, placement(2, std::string("\0\1", 2)))};
  second.amend(changes);
  const auto new_view = second.build();
  CHECK(new_view->at(1).keywords == old_view->at(1).keywords);
  CHECK(new_view->at(3).keywords == old_view->at(1).keywords);
  CHECK(new_view->keyword_set(new_view->at(2).keywords) == std::vector<std::string>{"$Junk"});
  CHECK(old_view->keywords().size() == 2);
}

TEST_CASE("random changes give the view and the difference that a plain vector gives") {
  std::mt19937 random(20261121);
  std::vector<Row> model;
  for (Uid uid = 1; uid <= 1500; ++uid) model.push_back(changed(uid, 1));
  RowsBuilder builder(MailboxId{1}, record(), nullptr);
  for (const Row& row : model) builder.append(row);
  auto view = builder.build();
  Uid next = 1501;
  for (ModSeq modseq = 2; modseq < 300; ++modseq) {
    std::map<Uid, Row> changes;
    for (unsigned i = random() % 20; i > 0 && !model.empty(); --i) {
      const Uid uid = model[random() % model.size()].uid;
      changes[uid] = random() % 3 == 0 ? changed(uid, modseq) : gone(uid);
    }
    for (unsigned i = random() % 30; i > 0; --i, ++next) changes[next] = changed(next, modseq);
    std::vector<Row> list;
    std::vector<Row> newer;
    Difference expected;
    for (std::size_t i = 0; i < model.size(); ++i) {
      const auto change = changes.find(model[i].uid);
      if (change == changes.end()) {
        newer.push_back(model[i]);
      } else if (change->second.email) {
        newer.push_back(change->second);
        expected.changed.push_back(model[i].uid);
      } else {
        expected.expunged.push_back(static_cast<std::uint32_t>(i));
      }
    }
    for (const auto& [uid, row] : changes) {
      list.push_back(row);
      if (model.empty() || uid > model.back().uid) {
        newer.push_back(row);
        ++expected.appended;
      }
    }
    const auto newer_view = amended(*view, list);
    const Difference difference = compare(*view, *newer_view);
    REQUIRE(difference.expunged == expected.expunged);
    REQUIRE(difference.changed == expected.changed);
    REQUIRE(difference.appended == expected.appended);
    model = std::move(newer);
    view = newer_view;
    REQUIRE(view->size() == model.size());
    for (std::size_t i = 0; i < model.size(); ++i) REQUIRE(view->at(i).modseq == model[i].modseq);
  }
}

// Logs as RocksDB would have written them, made here, so that a power cut and a bad sector can hit every place.

#include "store/log_tail.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <random>

#include "base/crc32c.h"
#include "store/log_reader.h"
#include "store/test_kit.h"

namespace store::test {
namespace {

constexpr std::uint64_t kSecret = 0x0123456789ABCDEF;

void put_little_endian(std::string& out, std::uint64_t value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i) & 0xFF));
}

std::string fragment(Fragment::Type type, std::string_view payload) {
  std::string checked(1, static_cast<char>(type));
  checked += payload;
  const std::uint32_t crc = base::crc32c(0, checked);
  std::string out;
  put_little_endian(out, (crc >> 15 | crc << 17) + 0xa282ead8U, 4);
  put_little_endian(out, payload.size(), 2);
  return out + checked;
}

/// Writes logs and remembers what was synced.
struct Logs {
  struct Log {
    std::string bytes;
    std::size_t synced = 0;
  };
  std::vector<Log> logs{1};
  std::uint64_t sequence = 100;
  std::uint64_t commits = 0;
  std::uint64_t secret = kSecret;

  std::string& bytes() { return logs.back().bytes; }

  void record(std::string_view record) {
    for (bool first = true, more = true; more; first = false) {
      std::size_t room = kLogBlock - bytes().size() % kLogBlock;
      if (room < kFragmentHeader) {
        bytes().append(room, '\0');
        room = kLogBlock;
      }
      const std::string_view part = record.substr(0, room - kFragmentHeader);
      record.remove_prefix(part.size());
      more = !record.empty();
      bytes() += fragment(first  ? (more ? Fragment::first : Fragment::whole)
                          : more ? Fragment::middle
                                 : Fragment::last,
                          part);
    }
  }
  void batch(const std::string& entries) {
    std::string bytes;
    put_little_endian(bytes, sequence++, 8);
    put_little_endian(bytes, 1, 4);
    record(bytes + entries);
  }
  void chunk(std::size_t size) { batch("\x05" + noise(size, static_cast<std::uint32_t>(size))); }
  /// A commit, written but not yet synced.
  void begin_commit(std::size_t size) {
    const std::string mark = commit_mark(secret, ++commits);
    batch("\x03" + std::string(1, static_cast<char>(mark.size())) + mark + noise(size, 1));
  }
  void commit(std::size_t size) {
    begin_commit(size);
    for (Log& log : logs) log.synced = log.bytes.size();
  }
  void switch_log() { logs.emplace_back(); }
  /// Fills the block but for `room` bytes.
  void fill_block(std::size_t room) {
    const std::size_t at = bytes().size() % kLogBlock;
    chunk(2 * kLogBlock - at - room - 2 * kFragmentHeader - 13);
    REQUIRE(kLogBlock - bytes().size() % kLogBlock == room);
  }
};

std::optional<LogDamage> damage_of(const std::vector<std::string>& logs) {
  TempDir dir;
  std::vector<std::string> paths;
  for (const std::string& bytes : logs) {
    paths.push_back(dir.path() + "/" + std::to_string(paths.size()));
    std::ofstream(paths.back(), std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  return *find_log_damage(paths, kSecret);
}

std::string verdict(const std::vector<std::string>& logs) {
  const auto damage = damage_of(logs);
  if (!damage) return "good";
  return damage->acknowledged ? "corrupt" : "cut " + std::to_string(damage->log) + ":" + std::to_string(damage->offset);
}

}  // namespace

TEST_CASE("a power cut is always mended, wherever it tears what was not synced, over all logs") {
  std::mt19937 random(7);
  const auto up_to = [&](std::size_t most) { return static_cast<std::size_t>(random() % (most + 1)); };
  for (int round = 0; round < 300; ++round) {
    Logs made;
    for (std::size_t n = up_to(4); n-- > 0;) made.commit(up_to(1) != 0 ? up_to(200) : up_to(70'000));
    for (std::size_t n = up_to(5); n-- > 0;) {
      if (up_to(2) == 0 && !made.bytes().empty()) made.switch_log();
      made.chunk(up_to(60'000));
    }
    if (up_to(2) != 0) made.begin_commit(up_to(50'000));
    if (up_to(2) == 0) made.chunk(up_to(50'000));
    // Every page that was not synced whole may be missing, and every file may be shorter.
    std::vector<std::string> torn;
    for (const Logs::Log& log : made.logs) {
      std::string bytes = log.bytes;
      if (up_to(2) == 0) bytes.resize(log.synced + up_to(bytes.size() - log.synced));
      for (std::size_t page = 0; page < bytes.size(); page += 4096) {
        if (up_to(3) != 0) continue;
        const std::size_t from = std::max(page, log.synced);
        const std::size_t to = std::min(page + 4096, bytes.size());
        if (from < to)
          bytes.replace(from, to - from, up_to(1) != 0 ? std::string(to - from, '\0') : noise(to - from, 3));
      }
      if (!bytes.empty()) torn.push_back(std::move(bytes));
    }
    const auto damage = damage_of(torn);
    CAPTURE(round);
    if (!damage) continue;
    CHECK(!damage->acknowledged);
    // Only the first log of a round has anything that was synced.
    if (damage->log == 0) CHECK(damage->offset >= made.logs.front().synced);
  }
}

TEST_CASE("a bad sector in a commit that a later one proves to have been synced is corrupt") {
  Logs made;
  made.commit(100);
  const std::size_t from = made.bytes().size();
  made.commit(70'000);  // three fragments
  const std::size_t to = made.bytes().size();
  made.commit(100);
  for (std::size_t at = from; at + 512 <= to; at += 311) {
    std::string bytes = made.bytes();
    bytes.replace(at, 512, 512, '\0');
    CAPTURE(at);
    CHECK(verdict({bytes}) == "corrupt");
  }
}

TEST_CASE("a commit whose every byte is gone is missed by the next one") {
  Logs made;
  made.commit(100);
  const std::size_t from = made.bytes().size();
  made.commit(100);
  const std::size_t to = made.bytes().size();
  made.commit(100);
  std::string bytes = made.bytes();
  bytes.replace(from, to - from, to - from, '\0');
  CHECK(verdict({bytes}) == "corrupt");
}

TEST_CASE("a commit counts also when its first fragment is too short for its mark") {
  for (std::size_t room = kFragmentHeader; room < 60; ++room) {
    Logs made;
    made.commit(100);
    const std::size_t from = made.bytes().size();
    made.fill_block(room);
    made.commit(5000);
    std::string bytes = made.bytes();
    bytes[from + 20] ^= 1;
    CAPTURE(room);
    // One commit behind it: it may be the one that was not acknowledged.
    CHECK(verdict({bytes}) == "cut 0:" + std::to_string(from));
    made.commit(100);
    bytes = made.bytes();
    bytes[from + 20] ^= 1;
    CHECK(verdict({bytes}) == "corrupt");
  }
}

TEST_CASE("a length that points behind the end hides no commit") {
  Logs made;
  made.commit(100);
  const std::size_t from = made.bytes().size();
  made.commit(100);
  made.commit(100);
  std::string bytes = made.bytes();
  bytes[from + 5] ^= 0x10;
  CHECK(verdict({bytes}) == "corrupt");
}

TEST_CASE("mail cannot pass for a commit") {
  // Its sender knows everything but the store's number.
  Logs forged;
  forged.secret = kSecret + 1;
  forged.commit(100);
  forged.commit(100);
  Logs made;
  made.commit(100);
  const std::size_t from = made.bytes().size();
  made.batch("\x05" + noise(5000, 1) + forged.bytes());
  made.begin_commit(100);
  std::string bytes = made.bytes();
  bytes[from + 1000] ^= 1;
  CHECK(verdict({bytes}) == "cut 0:" + std::to_string(from));
}

TEST_CASE("of several logs, the first that lacks something is where reading ends") {
  Logs made;
  made.commit(100);
  made.chunk(40'000);
  const std::size_t boundary = made.bytes().size();
  made.chunk(40'000);
  const std::string first = made.bytes();
  made.switch_log();
  made.chunk(40'000);
  made.begin_commit(100);
  CHECK(verdict({first, made.bytes()}) == "good");
  CHECK(verdict({first.substr(0, boundary), made.bytes()}) == "cut 1:0");
  CHECK(verdict({first.substr(0, boundary + 50), made.bytes()}) == "cut 0:" + std::to_string(boundary));
  CHECK(verdict({first, made.bytes().substr(0, 50)}) == "good");
  made.commit(100);
  CHECK(verdict({first.substr(0, boundary), made.bytes()}) == "corrupt");
  CHECK(verdict({first.substr(0, boundary + 50), made.bytes()}) == "corrupt");
}

}  // namespace store::test

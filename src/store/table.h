#pragma once
// Typed access to the ordered tables. A Table names its id and types; a key is a std::tuple of u8, u32, u64, ids and
// std::string; a value is a protobuf message (schema/*.proto) or store::Nothing. A Reader is a consistent snapshot, a
// Txn is a Reader that also sees and collects its own writes. Both are used on one thread, block on the disk (so: on
// the pool, or inside a write closure), and are kept only for moments: an old snapshot holds back space.
//
// Table ids: 1-15 store, 16-31 and 113 directory, 32-63 mailstore, 64-79 queue, 80-95 outbound, 96-111 guard, 112
// delivery. An id is never used again for another shape.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/ids.h"
#include "base/result.h"
#include "store/key.h"

namespace store {

/// The value of a table whose keys say all.
struct Nothing {
  bool ParseFromArray(const void*, int size) { return size == 0; }
  bool AppendToString(std::string*) const { return true; }
};

template <class Key, class Value>
struct Table {
  using key_type = Key;
  using value_type = Value;
  std::uint8_t id;
  const char* name;  // in messages and documents
};

/// A table without its types, for what counts all records.
struct TableName {
  std::uint8_t id = 0;
  const char* name = nullptr;
};

/// Records in key order. After a failure valid() is false and error() says why; "the end" is no failure.
class RawCursor {
 public:
  virtual ~RawCursor() = default;
  virtual bool valid() const = 0;
  virtual void next() = 0;
  /// Moves forward to the first record at or behind `key` (never backwards).
  virtual void seek(std::string_view key) = 0;
  virtual std::string_view key() const = 0;    // valid until next() or seek()
  virtual std::string_view value() const = 0;  // the same
  virtual const std::optional<base::Error>& error() const = 0;
};

class Reader {
 public:
  virtual ~Reader() = default;

  /// The bytes of a record into `value`; false when there is none. Errors: unavailable, corrupt.
  virtual base::Result<bool> get_raw(std::string_view key, std::string& value) const = 0;
  /// Records with from <= key < to (an empty `to` means no bound).
  virtual std::unique_ptr<RawCursor> scan_raw(std::string from, std::string to) const = 0;
  /// The record with the greatest key in [from, to), as key and value; nothing when there is none.
  virtual base::Result<std::optional<std::pair<std::string, std::string>>> last_raw(std::string from,
                                                                                    std::string to) const = 0;

  /// Appends bytes [offset, offset + length) of a body to `out`, checksums verified; less when the body ends before.
  /// Errors: not_found (no such body), corrupt, unavailable.
  virtual base::Result<void> read_body(base::BlobId blob, std::uint64_t offset, std::uint64_t length,
                                       std::string& out) const = 0;
  virtual base::Result<std::uint64_t> body_size(base::BlobId blob) const = 0;

  template <class K, class V>
  base::Result<std::optional<V>> get(const Table<K, V>& table, const K& key) const;

  template <class K, class V>
  class Cursor;
  /// Records whose keys begin with `prefix` (the first parts of a key, none for all), in order.
  template <class K, class V, class... Prefix>
  Cursor<K, V> scan(const Table<K, V>& table, const Prefix&... prefix) const;
  /// Records with from <= key < to, both whole keys of the table.
  template <class K, class V>
  Cursor<K, V> scan_range(const Table<K, V>& table, const K& from, const K& to) const;
};

/// The error of a record that does not decode: corrupt, with the table's name and the key in hex.
base::Error corrupt_record(const char* table, std::string_view key);

template <class K, class V>
class Reader::Cursor {
 public:
  Cursor(const Table<K, V>& table, std::unique_ptr<RawCursor> raw) : table_(table), raw_(std::move(raw)) { load(); }

  bool valid() const { return raw_->valid() && !error_; }
  void next() {
    raw_->next();
    load();
  }
  void seek(const K& key) {
    raw_->seek(std::apply([&](const auto&... parts) { return encode_key(table_.id, parts...); }, key));
    load();
  }
  const K& key() const { return key_; }
  /// The value, decoded on demand; corrupt when it does not decode (the cursor stays usable: next() goes on).
  base::Result<V> value() const {
    V value;
    if (!value.ParseFromArray(raw_->value().data(), static_cast<int>(raw_->value().size()))) {
      return std::unexpected(corrupt_record(table_.name, raw_->key()));
    }
    return value;
  }
  std::string_view raw_value() const { return raw_->value(); }
  /// Why the walk ended early, when it did: look at it after the loop.
  std::optional<base::Error> error() const { return error_ ? error_ : raw_->error(); }

 private:
  void load() {
    if (!raw_->valid()) return;
    if (auto key = decode_key<K>(table_.id, raw_->key())) {
      key_ = std::move(*key);
    } else {
      error_ = corrupt_record(table_.name, raw_->key());
    }
  }
  Table<K, V> table_;
  std::unique_ptr<RawCursor> raw_;
  K key_{};
  std::optional<base::Error> error_;
};

template <class K, class V>
base::Result<std::optional<V>> Reader::get(const Table<K, V>& table, const K& key) const {
  const std::string bytes = std::apply([&](const auto&... parts) { return encode_key(table.id, parts...); }, key);
  std::string raw;
  TRY_ASSIGN(const bool found, get_raw(bytes, raw));
  if (!found) return std::optional<V>();
  std::optional<V> value(std::in_place);
  if (!value->ParseFromArray(raw.data(), static_cast<int>(raw.size()))) {
    return std::unexpected(corrupt_record(table.name, bytes));
  }
  return value;
}

template <class K, class V, class... Prefix>
Reader::Cursor<K, V> Reader::scan(const Table<K, V>& table, const Prefix&... prefix) const {
  std::string from = encode_key(table.id, prefix...);
  std::string to = prefix_end(from);
  return Cursor<K, V>(table, scan_raw(std::move(from), std::move(to)));
}

template <class K, class V>
Reader::Cursor<K, V> Reader::scan_range(const Table<K, V>& table, const K& from, const K& to) const {
  const auto bytes = [&](const K& key) {
    return std::apply([&](const auto&... parts) { return encode_key(table.id, parts...); }, key);
  };
  return Cursor<K, V>(table, scan_raw(bytes(from), bytes(to)));
}

class Body;

/// Whom a body belongs to: an email of an account, or (owner 0) a queue entry.
struct Link {
  base::BlobId blob;
  std::uint64_t owner = 0;
  std::uint64_t item = 0;
};

/// The writes of one closure. All of them become durable together or none does.
class Txn : public Reader {
 public:
  virtual void put_raw(std::string key, std::string value) = 0;
  virtual void erase_raw(std::string key) = 0;

  /// Makes a finished body part of this transaction. It must be linked in the same transaction.
  virtual void put_body(const Body& body) = 0;
  /// Adds a link to a body that exists or was put here. Errors: not_found.
  virtual base::Result<void> link(const Link& link) = 0;
  /// Removes a link, and the body with it when it was the last. Errors: not_found.
  virtual base::Result<void> unlink(const Link& link) = 0;

  template <class K, class V>
  void put(const Table<K, V>& table, const K& key, const V& value) {
    std::string bytes;
    value.AppendToString(&bytes);
    put_raw(std::apply([&](const auto&... parts) { return encode_key(table.id, parts...); }, key), std::move(bytes));
  }
  template <class K, class V>
  void erase(const Table<K, V>& table, const K& key) {
    erase_raw(std::apply([&](const auto&... parts) { return encode_key(table.id, parts...); }, key));
  }
};

}  // namespace store

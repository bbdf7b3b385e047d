#pragma once
// Input: the bytes of a session that have been read and not yet taken. One block of memory that exists only while there
// is something in it or a read is under way, so that an idle session holds none.

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

#include "base/check.h"

namespace smtp {

class Input {
 public:
  std::string_view view() const { return {data_.get() + begin_, end_ - begin_}; }
  bool empty() const { return begin_ == end_; }
  std::size_t size() const { return end_ - begin_; }

  void take(std::size_t count) {
    ENSURE(count <= size());
    begin_ += count;
  }

  /// Room for at most `wanted` bytes behind what is there, and at least half of that; views are invalid afterwards.
  std::span<char> room(std::size_t wanted) {
    const std::size_t enough = (wanted + 1) / 2;
    if (empty()) begin_ = end_ = 0;
    if (capacity_ - end_ < enough && begin_ > 0) {
      std::memmove(data_.get(), data_.get() + begin_, size());
      end_ -= begin_;
      begin_ = 0;
    }
    if (capacity_ - end_ < enough) grow(end_ + wanted);
    return {data_.get() + end_, std::min(wanted, capacity_ - end_)};
  }
  void added(std::size_t count) { end_ += count; }

  /// Throws away what is there, and the memory.
  void clear() {
    data_.reset();
    capacity_ = begin_ = end_ = 0;
  }

 private:
  void grow(std::size_t capacity) {
    auto larger = std::make_unique_for_overwrite<char[]>(capacity);
    if (end_ > 0) std::memcpy(larger.get(), data_.get(), end_);
    data_ = std::move(larger);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> data_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace smtp

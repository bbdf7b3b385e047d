#include "mailstore/thread_ids.h"

#include <algorithm>

#include "mailstore/names.h"

namespace mailstore {
namespace {

constexpr std::size_t kMaxIds = 50;
/// So much of References is looked at, at its beginning and at its end.
constexpr std::size_t kLookedAt = 8 * 1024;

/// The next "<…>" from `position` on; empty at the end. Some mailers fold inside an id, so white space is dropped.
std::string next_message_id(std::string_view field, std::size_t& position) {
  while (true) {
    const std::size_t open = field.find('<', position);
    const std::size_t close = open == field.npos ? field.npos : field.find('>', open);
    if (close == field.npos) {
      position = field.size();
      return {};
    }
    // "<a <b>": the last opening bracket counts.
    const std::size_t begin = field.rfind('<', close);
    std::string id;
    for (const char c : field.substr(begin, close + 1 - begin)) {
      if (c != ' ' && c != '\t' && c != '\r' && c != '\n') id += c;
    }
    position = close + 1;
    if (id.size() > 2) return id;
  }
}

std::vector<std::uint64_t> hashes_of(std::string_view field) {
  std::vector<std::uint64_t> out;
  std::size_t position = 0;
  for (std::string id = next_message_id(field, position); !id.empty(); id = next_message_id(field, position)) {
    out.push_back(stable_hash(id));
  }
  return out;
}

}  // namespace

std::string first_message_id(std::string_view field) {
  std::size_t position = 0;
  return next_message_id(field, position);
}

ThreadIds thread_ids(const mime::EnvelopeFields& fields) {
  ThreadIds out;
  const auto add = [&](std::uint64_t hash) {
    if (out.hashes.size() < kMaxIds && std::ranges::find(out.hashes, hash) == out.hashes.end()) {
      out.hashes.push_back(hash);
    }
  };
  if (const std::string own = first_message_id(fields.message_id); !own.empty()) {
    out.has_own = true;
    add(stable_hash(own));
  }
  std::vector<std::uint64_t> replied = hashes_of(fields.in_reply_to);
  if (replied.size() > 5) replied.resize(5);  // more than one is rare, and hundreds are somebody's game
  for (const std::uint64_t hash : replied) add(hash);

  const std::string_view field = fields.references;
  std::vector<std::uint64_t> references = hashes_of(field.substr(0, 2 * kLookedAt));
  if (field.size() > 2 * kLookedAt) {
    references.resize(std::min<std::size_t>(references.size(), 1));
    for (const std::uint64_t hash : hashes_of(field.substr(field.size() - kLookedAt))) references.push_back(hash);
  }
  const std::size_t room = kMaxIds - out.hashes.size();
  if (references.size() > room) {
    references.erase(references.begin() + 1, references.end() - static_cast<std::ptrdiff_t>(room - 1));
  }
  std::ranges::reverse(references);
  for (const std::uint64_t hash : references) add(hash);

  const std::size_t near = std::min<std::size_t>(out.hashes.size(), out.has_own ? 2 : 1);
  out.kept.assign(out.hashes.begin(), out.hashes.begin() + static_cast<std::ptrdiff_t>(near));
  if (out.hashes.size() > near) out.kept.push_back(out.hashes.back());
  return out;
}

}  // namespace mailstore

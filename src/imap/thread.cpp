#include "imap/thread.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <unordered_map>

#include "imap/sequence.h"

namespace imap {

namespace {

using Index = std::int32_t;
constexpr Index kNone = -1;

std::uint64_t hash_id(std::string_view id) {
  std::uint64_t h = 0xcbf29ce484222325;
  for (const char c : id) {
    if (c == '"' || c == '\\') continue;
    h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccd;
  h ^= h >> 33;
  return h == 0 ? 1 : h;
}

/// A forest over the messages and, behind them, messages that are only referred to (dummies).
class Forest {
 public:
  explicit Forest(const std::vector<ThreadMessage>& messages) : messages_(messages), parent_(messages.size(), kNone) {}

  void link();            // step 1
  void prune();           // steps 2 and 3
  void merge_subjects();  // steps 4 and 5
  void sort_all();        // step 6
  std::string print() const;

 private:
  std::size_t size() const { return parent_.size(); }
  bool dummy(Index node) const { return static_cast<std::size_t>(node) >= messages_.size(); }
  const ThreadMessage& message(Index node) const { return messages_[static_cast<std::size_t>(node)]; }
  std::vector<Index>& children(Index node) { return children_[static_cast<std::size_t>(node)]; }
  const std::vector<Index>& children(Index node) const { return children_[static_cast<std::size_t>(node)]; }
  // A dummy is what its first child is.
  const ThreadMessage& face(Index node) const { return message(dummy(node) ? children(node).front() : node); }
  bool reply(Index node) const { return !dummy(node) && message(node).subject.reply; }

  Index node_of(std::uint64_t id);
  bool may_link(Index parent, Index child) const;
  void sort_siblings(std::vector<Index>& nodes) const;
  std::vector<Index> parents_first() const;
  void fill_table();
  void merge(Index current, Index& in_table);

  const std::vector<ThreadMessage>& messages_;
  std::vector<Index> parent_;
  std::unordered_map<std::uint64_t, Index> by_id_;
  std::vector<std::vector<Index>> children_;
  std::vector<Index> roots_;
  std::unordered_map<std::string_view, Index> table_;
};

Index Forest::node_of(std::uint64_t id) {
  const auto [found, fresh] = by_id_.emplace(id, static_cast<Index>(size()));
  if (fresh) parent_.push_back(kNone);
  return found->second;
}

// Whether the child is not above the parent already.
bool Forest::may_link(Index parent, Index child) const {
  std::size_t depth = 0;
  for (Index node = parent; node != kNone; node = parent_[static_cast<std::size_t>(node)]) {
    if (node == child || ++depth == kMaxThreadDepth) return false;
  }
  return true;
}

void Forest::link() {
  // The first message with an id has it; later ones with the same are without.
  for (std::size_t i = 0; i < messages_.size(); ++i) {
    if (messages_[i].id != 0) by_id_.emplace(messages_[i].id, static_cast<Index>(i));
  }
  for (std::size_t i = 0; i < messages_.size(); ++i) {
    Index previous = kNone;
    for (const std::uint64_t id : messages_[i].references) {
      const Index node = node_of(id);
      Index& parent = parent_[static_cast<std::size_t>(node)];
      if (previous != kNone && parent == kNone && may_link(previous, node)) parent = previous;
      previous = node;
    }
    // A parent that it has already comes from somebody's shortened References.
    parent_[i] = kNone;
    if (previous != kNone && may_link(previous, static_cast<Index>(i))) parent_[i] = previous;
  }
}

std::vector<Index> Forest::parents_first() const {
  std::vector<Index> order = roots_;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto& below = children(order[i]);
    order.insert(order.end(), below.begin(), below.end());
  }
  return order;
}

void Forest::prune() {
  children_.resize(size());
  for (std::size_t i = 0; i < size(); ++i) {
    const auto node = static_cast<Index>(i);
    if (parent_[i] == kNone) {
      roots_.push_back(node);
    } else {
      children(parent_[i]).push_back(node);
    }
  }
  // From below: the children of dummies, of which none has dummies any more, take their place.
  const auto order = parents_first();
  for (auto node = order.rbegin(); node != order.rend(); ++node) {
    auto& below = children(*node);
    if (std::ranges::none_of(below, [&](Index child) { return dummy(child); })) continue;
    if (below.size() == 1) {
      below = std::vector<Index>(std::move(children(below.front())));
      continue;
    }
    std::vector<Index> kept;
    for (const Index child : below) {
      if (!dummy(child)) {
        kept.push_back(child);
      } else {
        kept.insert(kept.end(), children(child).begin(), children(child).end());
        children(child).clear();
      }
    }
    below = std::move(kept);
  }
  std::vector<Index> roots;
  for (const Index root : roots_) {
    if (!dummy(root)) {
      roots.push_back(root);
    } else if (children(root).size() == 1) {
      roots.push_back(children(root).front());
    } else if (!children(root).empty()) {
      roots.push_back(root);
    }
  }
  roots_ = std::move(roots);
}

void Forest::sort_siblings(std::vector<Index>& nodes) const {
  std::ranges::sort(nodes, [&](Index a, Index b) {
    const ThreadMessage& first = face(a);
    const ThreadMessage& second = face(b);
    return first.date != second.date ? first.date < second.date : first.number < second.number;
  });
}

void Forest::fill_table() {
  for (const Index root : roots_) {
    const std::string& subject = face(root).subject.text;
    if (subject.empty()) continue;
    const auto [found, fresh] = table_.emplace(subject, root);
    Index& known = found->second;
    if (!fresh && !dummy(known) && (dummy(root) || (reply(known) && !reply(root)))) known = root;
  }
}

// Step 5.C: puts `current` below what the table has, or both below a new dummy.
void Forest::merge(Index current, Index& in_table) {
  if (dummy(in_table) && dummy(current)) {
    const auto moved = std::move(children(current));
    children(current).clear();
    auto& below = children(in_table);
    below.insert(below.end(), moved.begin(), moved.end());
  } else if (dummy(in_table) || (reply(current) && !reply(in_table))) {
    children(in_table).push_back(current);
  } else {
    parent_.push_back(kNone);
    children_.push_back({in_table, current});
    in_table = static_cast<Index>(size() - 1);
  }
}

void Forest::merge_subjects() {
  for (const Index root : roots_) {
    if (dummy(root)) sort_siblings(children(root));
  }
  sort_siblings(roots_);
  fill_table();
  std::vector<Index> kept;
  for (const Index root : roots_) {
    const std::string& subject = face(root).subject.text;
    if (subject.empty()) {
      kept.push_back(root);
      continue;
    }
    Index& in_table = table_.at(subject);
    if (in_table != root) merge(root, in_table);
  }
  for (const auto& [subject, root] : table_) kept.push_back(root);
  roots_ = std::move(kept);
}

void Forest::sort_all() {
  const auto order = parents_first();
  for (auto node = order.rbegin(); node != order.rend(); ++node) sort_siblings(children(*node));
  sort_siblings(roots_);
}

std::string Forest::print() const {
  std::string out;
  std::vector<Index> stack(roots_.rbegin(), roots_.rend());  // kNone: a parenthesis that closes
  while (!stack.empty()) {
    Index node = stack.back();
    stack.pop_back();
    if (node == kNone) {
      out += ')';
      continue;
    }
    out += '(';
    if (!dummy(node)) append_number(out, message(node).number);
    while (children(node).size() == 1) {
      node = children(node).front();
      if (out.back() != '(') out += ' ';
      append_number(out, message(node).number);
    }
    if (children(node).empty()) {
      out += ')';
      continue;
    }
    if (out.back() != '(') out += ' ';
    stack.push_back(kNone);
    stack.insert(stack.end(), children(node).rbegin(), children(node).rend());
  }
  return out;
}

}  // namespace

std::vector<std::uint64_t> message_ids(std::string_view field) {
  std::vector<std::uint64_t> out;
  for (std::size_t open = field.find('<'); open != std::string_view::npos; open = field.find('<', open + 1)) {
    const std::size_t close = field.find_first_of("<>", open + 1);
    if (close == std::string_view::npos) break;
    const std::string_view id = field.substr(open + 1, close - open - 1);
    if (field[close] != '>' || id.find('@') == std::string_view::npos) continue;
    if (out.size() == kMaxReferences) out.erase(out.begin() + 1);
    out.push_back(hash_id(id));
  }
  return out;
}

std::string threads_by_subject(std::vector<ThreadMessage> messages) {
  std::ranges::sort(messages, [](const ThreadMessage& a, const ThreadMessage& b) {
    return std::tie(a.subject.text, a.date, a.number) < std::tie(b.subject.text, b.date, b.number);
  });
  struct Group {
    std::size_t begin;
    std::size_t end;
  };
  std::vector<Group> groups;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (i == 0 || messages[i].subject.text != messages[i - 1].subject.text) groups.push_back({i, i});
    groups.back().end = i + 1;
  }
  std::ranges::sort(groups, [&](const Group& a, const Group& b) {
    const ThreadMessage& first = messages[a.begin];
    const ThreadMessage& second = messages[b.begin];
    return first.date != second.date ? first.date < second.date : first.number < second.number;
  });
  std::string out;
  for (const Group& group : groups) {
    out += '(';
    append_number(out, messages[group.begin].number);
    const bool several = group.end - group.begin > 2;
    if (group.end - group.begin > 1) out += ' ';
    for (std::size_t i = group.begin + 1; i < group.end; ++i) {
      if (several) out += '(';
      append_number(out, messages[i].number);
      if (several) out += ')';
    }
    out += ')';
  }
  return out;
}

std::string threads_by_references(const std::vector<ThreadMessage>& messages) {
  Forest forest(messages);
  forest.link();
  forest.prune();
  forest.merge_subjects();
  forest.sort_all();
  return forest.print();
}

}  // namespace imap

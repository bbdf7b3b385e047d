#include "mime/repair.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "mime/decode.h"
#include "mime/repair_header.h"
#include "mime/scan.h"
#include "mime/transfer_encoder.h"
#include "mime/utf8.h"

namespace mime {
namespace {

constexpr std::size_t kLongestLine = 998;  // RFC 5322 §2.1.1, without its line end

/// The message in stretches, one behind the other: headers and bodies of parts, and what stands between them
/// (delimiters, preambles, epilogues), which belongs to the part around it.
struct Region {
  enum class Kind : std::uint8_t { header, body, between };
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint32_t part = 0;
  Kind kind = Kind::between;
};

std::vector<Region> regions_of(const Message& message) {
  std::vector<Region> out;
  std::vector<std::uint32_t> open;
  std::uint64_t at = 0;
  const auto add = [&](std::uint64_t end, std::uint32_t part, Region::Kind kind) {
    const bool always = kind == Region::Kind::header;
    if (end > at || always) out.push_back({at, std::max(at, end), part, kind});
    at = std::max(at, end);
  };
  for (std::uint32_t i = 0; i < message.parts.size(); ++i) {
    const Part& part = message.parts[i];
    while (!open.empty() && open.back() != part.parent) {
      add(message.parts[open.back()].end, open.back(), Region::Kind::between);
      open.pop_back();
    }
    if (!open.empty()) add(part.header_begin, open.back(), Region::Kind::between);
    add(part.body_begin, i, Region::Kind::header);
    if (part.leaf()) {
      add(part.end, i, Region::Kind::body);
    } else {
      open.push_back(i);
    }
  }
  for (; !open.empty(); open.pop_back()) add(message.parts[open.back()].end, open.back(), Region::Kind::between);
  if (at < message.size) add(message.size, 0, Region::Kind::between);
  return out;
}

/// What a body is made of.
struct BodyLook {
  std::uint64_t size = 0;
  std::uint64_t escaped = 0;  // bytes that quoted-printable writes as three
  bool eight_bit = false;
  bool nul = false;
  bool bare = false;
  bool utf8 = true;  // so far
  LongLines lines;
  char last = 0;
  std::string cut;  // a character that is cut by the end of a chunk

  void feed(std::string_view bytes) {
    if (bytes.empty()) return;
    const Scan seen = scan(bytes, last);
    size += bytes.size();
    eight_bit |= seen.eight_bit;
    nul |= seen.nul;
    bare |= seen.bare;
    last = bytes.back();
    lines.feed(bytes);
    for (const char c : bytes) escaped += (c & 0x80) != 0 || c == '=';
    if (!utf8) return;
    const std::string text = std::exchange(cut, {}) + std::string(bytes);
    std::size_t whole = text.size();
    for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
      if (is_cut_utf8(std::string_view(text).substr(text.size() - back))) whole = text.size() - back;
    }
    cut = text.substr(whole);
    utf8 = base::valid_utf8(std::string_view(text).substr(0, whole));
  }
  bool is_utf8() const { return utf8 && cut.empty(); }
  bool needs() const { return eight_bit || nul || bare || last == '\r' || lines.found(); }
};

/// What becomes of a part.
struct Fate {
  HeaderFacts facts;
  bool header_stays = false;
  bool content_stays = false;  // its body, and all parts in it
  std::optional<std::string> encoding;
  std::optional<std::string> charset;
  std::optional<TransferEncoder::Kind> body;  // how it is to be written
  bool changed = false;                       // its header
  bool eight_bit_left = false;                // in header, body or what is between, also of the parts in it
};

bool is_identity(std::string_view encoding) {
  return encoding.empty() || encoding == "7bit" || encoding == "8bit" || encoding == "binary";
}

/// What is signed or encrypted, or has no encoding that could be another one.
bool is_sealed(const Part& part, const HeaderFacts& facts) {
  if (part.multipart()) return part.leaf() || part.subtype == "signed" || part.subtype == "encrypted";
  if (part.type == "message") return part.leaf();
  if (facts.type == "application" && (facts.subtype == "pkcs7-mime" || facts.subtype == "x-pkcs7-mime")) return true;
  return !is_identity(facts.encoding) && facts.encoding != "base64" && facts.encoding != "quoted-printable";
}

/// Between parts nothing is read by anybody: it is made ASCII and cut into lines, and no line becomes a delimiter.
class BetweenParts {
 public:
  void feed(std::string_view bytes, std::string& out) {
    for (const char c : bytes) {
      line_ += c;
      if (c == '\n') {
        flush(out);
      } else if (line_.size() > kLongestLine + 1) {  // a CR may be in it
        const std::string rest = line_.substr(kLongestLine - 2);
        line_.resize(kLongestLine - 2);
        whole_ = false;
        flush(out);
        out += "\r\n";
        line_ = ' ' + rest;
      }
    }
  }
  /// The end of a stretch: the line may go on elsewhere.
  void flush(std::string& out) {
    const bool bits = has_eight_bit(line_);
    for (char& c : line_) c = (c & 0x80) != 0 ? '?' : c;
    if ((bits || !whole_) && line_.starts_with("--")) line_.insert(0, " ");
    whole_ = true;
    out += line_;
    line_.clear();
  }

 private:
  std::string line_;
  bool whole_ = true;
};

}  // namespace

void LongLines::feed(std::string_view chunk) {
  // A line is short enough when a line end stands within the 1,000 bytes from where it begins: so each look is for the
  // last line end there.
  constexpr std::size_t kWindow = kLongestLine + 2;
  while (!found_ && !chunk.empty()) {
    const std::string_view window = chunk.substr(0, kWindow - column_);
    const std::size_t lf = window.rfind('\n');
    if (lf != std::string_view::npos) {
      chunk.remove_prefix(lf + 1);
      column_ = 0;
    } else {
      column_ += window.size();
      chunk.remove_prefix(window.size());
      // A line that ends the message may have no line end.
      found_ = column_ == kWindow;
    }
  }
}

struct Repair::Impl {
  Impl(const Message& m, Options o) : message(m), options(o), regions(regions_of(m)), fates(m.parts.size()) {
    everything_stays = message.parts.size() >= options.limits.parts;
    looks.resize(message.parts.size());
  }

  template <class Take>
  void walk(std::string_view chunk, Take take) {
    pass_empty(take);
    while (!chunk.empty() && index < regions.size()) {
      const Region& region = regions[index];
      const std::string_view piece =
          chunk.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(chunk.size(), region.end - offset)));
      chunk.remove_prefix(piece.size());
      offset += piece.size();
      take(region, piece, offset == region.end);
      if (offset == region.end) {
        ++index;
        pass_empty(take);
      }
    }
  }
  template <class Take>
  void pass_empty(Take take) {
    while (index < regions.size() && regions[index].begin == regions[index].end) take(regions[index++], {}, true);
  }

  // --- the first pass

  void look(const Region& region, std::string_view piece, bool last) {
    Fate& fate = fates[region.part];
    switch (region.kind) {
      case Region::Kind::header:
        if (held.size() <= options.limits.header_bytes) held += piece;
        if (last) look_at_block(region.part, std::exchange(held, {}));
        break;
      case Region::Kind::body:
        looks[region.part].feed(piece);
        break;
      case Region::Kind::between: {
        const bool bits = has_eight_bit(piece);
        if (fate.content_stays) {
          fate.eight_bit_left |= bits;
          break;
        }
        between_lines.feed(piece);
        between_needs |= bits || between_lines.found();
        if (last) between_lines = {};
        break;
      }
    }
  }

  void look_at_block(std::uint32_t index_of_part, const std::string& block) {
    const Part& part = message.parts[index_of_part];
    Fate& fate = fates[index_of_part];
    fate.header_stays = everything_stays || (part.parent != kNoPart && fates[part.parent].content_stays);
    if (block.size() > options.limits.header_bytes) {
      fate.header_stays = true;
    } else {
      fate.facts = look_at_header(block, options.limits.fields);
      fate.header_stays |= fate.facts.odd || (part.envelope && fate.facts.is_signed);
    }
    fate.content_stays = fate.header_stays || is_sealed(part, fate.facts);
    if (fate.header_stays) {
      fate.eight_bit_left |= has_eight_bit(block);
      long_left |= has_long_line(block);
      return;
    }
    const std::string edited = edit_header(block, edit_of(index_of_part));
    fate.changed = edited != block;
    fate.eight_bit_left |= has_eight_bit(edited);
    long_left |= has_long_line(edited);
  }

  HeaderEdit edit_of(std::uint32_t i) const {
    return {.is_message = message.parts[i].envelope.has_value(),
            .keep_utf8 = options.keep_utf8,
            .encoding = fates[i].encoding,
            .charset = fates[i].charset};
  }

  void decide() {
    for (std::uint32_t i = static_cast<std::uint32_t>(message.parts.size()); i-- > 0;) {
      const Part& part = message.parts[i];
      if (part.leaf()) decide_leaf(i);
      Fate& fate = fates[i];
      // RFC 2045 §6.4: what holds parts is as wide as they are.
      const bool wide = fate.facts.encoding == "8bit" || fate.facts.encoding == "binary";
      if (!part.leaf() && wide && !fate.content_stays && !fate.eight_bit_left) fate.encoding = "7bit";
      if (part.parent != kNoPart) fates[part.parent].eight_bit_left |= fate.eight_bit_left;
      changes |= fate.changed || fate.body.has_value();
    }
    changes |= between_needs;
  }

  void decide_leaf(std::uint32_t i) {
    Fate& fate = fates[i];
    const BodyLook& seen = looks[i];
    if (!seen.needs()) return;
    if (fate.content_stays) {
      fate.eight_bit_left |= seen.eight_bit;
      binary_left |= seen.nul || seen.bare;
      long_left |= seen.lines.found();
      return;
    }
    if (fate.facts.encoding == "base64") {
      fate.body = TransferEncoder::Kind::base64;
      return;
    }
    if (fate.facts.encoding == "quoted-printable") {
      fate.body = TransferEncoder::Kind::quoted_printable;
      return;
    }
    const bool text = fate.facts.type == "text" && !seen.nul && !seen.bare && seen.last != '\r';
    // Quoted-printable is three bytes for one, and base64 four for three of all of them.
    const bool quoted = text && seen.escaped * 6 <= seen.size;
    fate.body = quoted ? TransferEncoder::Kind::quoted_printable : TransferEncoder::Kind::base64;
    fate.encoding = quoted ? "quoted-printable" : "base64";
    if (fate.facts.type == "text" && seen.eight_bit && fate.facts.charset.empty()) {
      fate.charset = seen.is_utf8() ? "utf-8" : "unknown-8bit";
    }
  }

  // --- the second pass

  void feed(const Region& region, std::string_view piece, bool last, std::string& out) {
    const Fate& fate = fates[region.part];
    switch (region.kind) {
      case Region::Kind::header:
        if (fate.header_stays) {
          out += piece;
          break;
        }
        held += piece;
        if (last) out += edit_header(std::exchange(held, {}), edit_of(region.part));
        break;
      case Region::Kind::body:
        if (!fate.body) {
          out += piece;
        } else {
          encode(fate, piece, last, out);
        }
        break;
      case Region::Kind::between:
        if (fate.content_stays) {
          out += piece;
        } else {
          between.feed(piece, out);
          if (last) between.flush(out);
        }
        break;
    }
  }

  void encode(const Fate& fate, std::string_view piece, bool last, std::string& out) {
    if (!encoder) {
      encoder.emplace(*fate.body);
      decoder.emplace(is_identity(fate.facts.encoding) ? std::string_view() : std::string_view(fate.facts.encoding));
    }
    std::string bytes;
    decoder->feed(piece, bytes);
    if (last) decoder->finish(bytes);
    encoder->feed(bytes, out);
    if (!last) return;
    encoder->finish(out);
    encoder.reset();
    decoder.reset();
  }

  const Message& message;
  const Options options;
  const std::vector<Region> regions;
  std::vector<Fate> fates;
  std::vector<BodyLook> looks;
  bool everything_stays = false;

  std::size_t index = 0;     // of the region under way
  std::uint64_t offset = 0;  // in the message
  std::string held;          // a header
  LongLines between_lines;
  bool between_needs = false;
  bool long_left = false;
  bool binary_left = false;
  bool decided = false;
  bool changes = false;
  BetweenParts between;
  std::optional<TransferEncoder> encoder;
  std::optional<TransferDecoder> decoder;
};

Repair::Repair(const Message& message, Options options) : impl_(std::make_unique<Impl>(message, options)) {}
Repair::~Repair() = default;

void Repair::look(std::string_view chunk) {
  ENSURE(!impl_->decided);
  impl_->walk(chunk,
              [this](const Region& region, std::string_view piece, bool last) { impl_->look(region, piece, last); });
}

bool Repair::needed() {
  if (!impl_->decided) {
    impl_->decided = true;
    impl_->decide();
    impl_->looks.clear();
    impl_->index = 0;
    impl_->offset = 0;
    impl_->held.clear();
  }
  return impl_->changes;
}

bool Repair::complete() const {
  ENSURE(impl_->decided);
  return !impl_->long_left && !impl_->binary_left && !impl_->fates[0].eight_bit_left;
}

void Repair::feed(std::string_view chunk, std::string& out) {
  ENSURE(impl_->decided);
  impl_->walk(chunk,
              [&](const Region& region, std::string_view piece, bool last) { impl_->feed(region, piece, last, out); });
}

void Repair::finish(std::string& out) {
  // An empty message has regions that no chunk has passed.
  impl_->pass_empty(
      [&](const Region& region, std::string_view piece, bool last) { impl_->feed(region, piece, last, out); });
}

std::string repair(std::string_view message, bool keep_utf8, Limits limits) {
  const Message parsed = parse(message, limits);
  Repair repair(parsed, {.keep_utf8 = keep_utf8, .limits = limits});
  repair.look(message);
  if (!repair.needed()) return std::string(message);
  std::string out;
  repair.feed(message, out);
  repair.finish(out);
  return out;
}

}  // namespace mime

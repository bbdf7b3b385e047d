#pragma once
// The words of an HTML text, for previews and search: without tags, comments, scripts and styles, with character
// references read and white space folded, a line for each block. A tokenizer after the rules that browsers follow
// (HTML Living Standard §13.2.5), so that what a reader sees is what is found; it builds no tree. Fed in pieces of
// whole UTF-8 characters of any size, it holds a few bytes, gives no more bytes than it took, and is linear and
// total.

#include <cstdint>
#include <string>
#include <string_view>

namespace mime {

class HtmlText {
 public:
  void feed(std::string_view utf8, std::string& out);
  void finish(std::string& out);

 private:
  enum class State : std::uint8_t {
    text,
    reference,  // behind &
    tag_open,   // behind <
    end_tag_open,
    tag_name,
    before_attribute,
    attribute,
    after_attribute,
    before_value,
    value,
    value_single_quoted,
    value_double_quoted,
    markup,       // behind <!
    markup_dash,  // behind <!-
    comment,
    bogus_comment,
    raw,       // in an element whose text is not shown
    raw_open,  // behind < in it
    raw_end,   // behind </ in it
  };
  enum class Gap : std::uint8_t { none, space, line };

  std::size_t run(std::string_view text, std::string& out);
  void step(char c, std::string& out);
  bool step_tag(char c);
  void step_markup(char c);
  void step_raw(char c);
  void end_tag();
  void end_reference(bool closed, std::string& out);
  void show(char32_t c, std::string& out);
  void show(std::string_view ascii, std::string& out);

  State state_ = State::text;
  Gap gap_ = Gap::none;  // before the next character
  bool any_ = false;     // something has been shown
  bool closing_ = false;
  bool bang_ = false;
  std::uint32_t dashes_ = 0;
  std::string name_;  // of the tag or reference under way, lower case for tags
  std::string raw_;   // the element whose text is not shown
};

/// The charset that a document names itself in a <meta> of its first 1024 bytes; "" if it does not.
std::string html_charset(std::string_view document);

}  // namespace mime

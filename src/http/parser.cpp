#include "http/parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "base/text.h"

namespace http {

namespace {

namespace beast = boost::beast::http;

constexpr std::string_view kBlankLine = "\r\n\r\n";

unsigned status_of(const boost::system::error_code& error) {
  if (error == beast::error::header_limit) return 431;
  if (error == beast::error::body_limit) return 413;
  if (error == beast::error::bad_version) return 505;
  return 400;
}

/// RFC 9112 §3.2.1, §3.2.2: the path is the target itself, or what stands behind the authority of an absolute one.
std::string_view without_authority(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!base::istarts_with(target, scheme)) continue;
    const std::size_t slash = target.find_first_of("/?", scheme.size());
    return slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
  }
  return target;
}

}  // namespace

struct RequestParser::Impl {
  explicit Impl(std::size_t limit) : header_limit(limit) {}

  const std::size_t header_limit;
  std::size_t looked_at = 0;  // of a header that is not whole
  beast::request_parser<beast::string_body> parser;
};

RequestParser::RequestParser(const Limits& limits) : impl_(std::make_unique<Impl>(limits.header_bytes)) {
  impl_->parser.header_limit(limits.header_bytes);
  impl_->parser.body_limit(limits.body_bytes);
}

RequestParser::~RequestParser() = default;

RequestParser::Step RequestParser::refuse(unsigned status) {
  status_ = status;
  return {Event::refused, 0};
}

/// What is wrong with a header that is one; 0: nothing.
unsigned RequestParser::judge() const {
  const auto& header = impl_->parser.get();
  // RFC 9112 §3.2: exactly one Host, from HTTP/1.1 on.
  const auto hosts = header.count(beast::field::host);
  if (hosts > 1 || (hosts == 0 && header.version() >= 11)) return 400;
  // RFC 9112 §6.1: a coding that we do not know leaves the length unknown. §6.3: chunks may be refused, and are: their
  // lines have no limit in Beast, and nothing here has bodies of a length that is not known before.
  if (header.count(beast::field::transfer_encoding) > 0) {
    const bool chunked = header.count(beast::field::transfer_encoding) == 1 &&
                         base::iequals(std::string_view(header[beast::field::transfer_encoding]), "chunked");
    return chunked ? 411 : 501;
  }
  return 0;
}

RequestParser::Step RequestParser::next(std::string_view input) {
  if (status_ != 0) return {Event::refused, 0};
  auto& parser = impl_->parser;
  std::size_t taken = 0;
  while (!parser.is_done()) {
    if (taken == input.size()) return {Event::more, taken};
    const bool header_was_done = parser.is_header_done();
    std::size_t end = input.size();
    if (!header_was_done) {
      // Beast gets a header as a whole, and with it always the same, however it came; its own limit would depend on
      // that.
      const std::size_t blank = input.find(kBlankLine, impl_->looked_at);
      end = blank == std::string_view::npos ? input.size() : blank + kBlankLine.size();
      if (end > impl_->header_limit) return refuse(431);
      if (blank == std::string_view::npos) {
        impl_->looked_at = end - std::min(end, kBlankLine.size() - 1);
        return {Event::more, 0};
      }
    }
    boost::system::error_code error;
    taken += parser.put(boost::asio::buffer(input.data() + taken, end - taken), error);
    if (!header_was_done && !parser.is_header_done())
      return refuse(error && error != beast::error::need_more ? status_of(error) : 400);
    if (error == beast::error::need_more) return {Event::more, taken};
    if (error) return refuse(status_of(error));
    if (header_was_done || !parser.is_header_done()) continue;
    // Beast has taken the header alone: it is not eager until the body is wanted.
    if (const unsigned status = judge(); status != 0) return refuse(status);
    parser.eager(true);
    const bool expects = base::iequals(std::string_view(parser.get()[beast::field::expect]), "100-continue");
    if (expects && !parser.is_done() && parser.get().version() >= 11 && taken == input.size() && !went_ahead_) {
      went_ahead_ = true;
      return {Event::go_ahead, taken};
    }
  }
  return {Event::request, taken};
}

Request RequestParser::take() {
  auto message = impl_->parser.release();
  const std::string_view target = without_authority(std::string_view(message.target()));
  const std::size_t question = target.find('?');
  Request request;
  request.method = std::string(message.method_string());
  request.path = std::string(target.substr(0, question));
  if (question != std::string_view::npos) request.query = std::string(target.substr(question + 1));
  request.minor = static_cast<int>(message.version() % 10);
  request.keep_alive = message.keep_alive();
  for (const auto& field : message) request.fields.emplace_back(field.name_string(), field.value());
  request.body = std::move(message.body());
  return request;
}

}  // namespace http

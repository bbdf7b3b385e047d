#pragma once
// RequestParser: one request out of the bytes of a connection, by Boost.Beast's parser within limits. Pure and total:
// every input gives a request, a refusal, or the wish for more. Time is linear in the body, and in the header as well
// but for a peer that sends it byte by byte, which costs at most the square of its limit.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "http/message.h"

namespace http {

struct Limits {
  std::uint32_t header_bytes = 8 * 1024;  // request line and fields
  std::uint64_t body_bytes = 64 * 1024;
};

class RequestParser {
 public:
  explicit RequestParser(const Limits& limits);
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  enum class Event {
    more,      // what was not taken must come again, with more behind it
    go_ahead,  // the client waits for "100 Continue" before it sends the body; then call again. RFC 9110 §10.1.1
    request,   // take() it
    refused,   // status() says why, and the connection is of no use any more
  };
  struct Step {
    Event event;
    std::size_t taken;
  };
  Step next(std::string_view input);

  Request take();
  unsigned status() const { return status_; }

 private:
  struct Impl;
  Step refuse(unsigned status);
  unsigned judge() const;

  std::unique_ptr<Impl> impl_;
  unsigned status_ = 0;
  bool went_ahead_ = false;
};

}  // namespace http

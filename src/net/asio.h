#pragma once
// Private to the .cpp files of net: Boost.Asio, compiled once (asio.cpp), and what a Loop is made of. Types are fixed
// to the io_context's own executor: the type-erased default costs memory and an indirect call per operation.

#define BOOST_ASIO_SEPARATE_COMPILATION
#define BOOST_ASIO_NO_DEPRECATED
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <coroutine>

#include "net/loop.h"

namespace net {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;
using Executor = asio::io_context::executor_type;
using Timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;
using Descriptor = asio::posix::basic_stream_descriptor<Executor>;

/// A spawned task in the list of its loop.
struct RootLink {
  RootLink* next = nullptr;
  RootLink* previous = nullptr;
  std::coroutine_handle<> frame;
};

struct Loop::Impl {
  struct Context : asio::io_context {
    using execution_context::shutdown;  // protected there; may be called again by the destructor
    using io_context::io_context;
  };
  Context context{1};            // one thread runs it; posting from others stays safe
  RootLink roots;                // head of the list; touched on the loop's thread only
  std::atomic<int> calling = 0;  // other threads that are inside of post(), spawn() or stop() at this moment

  // The end of a loop, after run() has returned for good. Both steps are made on all loops before the first is
  // destroyed, because what one loop drops may hold sockets and timers of another.
  void drop_tasks();  // destroys the frames of the tasks that have not ended
  void drop_queue() { context.shutdown(); }
};

}  // namespace net

#pragma once
// Result<T>: a value or an Error. How everything that can be refused, not found or wrong is reported; exceptions are
// kept for a lost connection (net::Closed) and for bugs (base::Bug). An Error carries one of a dozen codes, which a
// protocol maps to its own reply in its reply.cpp, and a sentence for logs and operators.

#include <expected>
#include <optional>
#include <string>
#include <utility>

namespace base {

enum class Code {
  invalid,      // malformed or out of range: the caller's input is at fault
  not_found,    // the object does not exist
  exists,       // it exists already
  denied,       // authentication failed or the right is missing
  too_large,    // above a limit that a smaller input would pass
  over_quota,   // an account is full
  suspended,    // an account takes nothing for now, because the operator said so
  no_space,     // the store's disk is full, or its floor of free space is reached
  unavailable,  // the store or a service cannot answer now: try again later
  busy,         // a limit on concurrent work is reached: try again later
  corrupt,      // a record or file breaks an invariant on disk
  conflict,     // the state changed in between
  unsupported,  // understood and not offered
};

/// The lower-case name of a code ("not_found"), for logs and JSON.
const char* name(Code code);

struct [[nodiscard]] Error {
  Code code = Code::invalid;
  std::string text;  // a sentence without a final full stop: what and where
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Code code, std::string text) {
  return std::unexpected<Error>(Error{code, std::move(text)});
}

}  // namespace base

#define PR_CONCAT_(a, b) a##b
#define PR_CONCAT(a, b) PR_CONCAT_(a, b)

/// TRY(expression) leaves the function with the error of a Result; TRY_ASSIGN(declaration, expression) also takes its
/// value. CO_TRY and CO_TRY_ASSIGN are the same inside coroutines.
#define TRY_IMPL_(tmp, expr, ret)                          \
  do {                                                     \
    auto&& tmp = (expr);                                   \
    if (!tmp) ret std::unexpected(std::move(tmp).error()); \
  } while (false)
#define TRY_ASSIGN_IMPL_(tmp, decl, expr, ret)           \
  auto&& tmp = (expr);                                   \
  if (!tmp) ret std::unexpected(std::move(tmp).error()); \
  decl = *std::move(tmp)
#define TRY(expr) TRY_IMPL_(PR_CONCAT(try_, __COUNTER__), expr, return)
#define CO_TRY(expr) TRY_IMPL_(PR_CONCAT(try_, __COUNTER__), expr, co_return)
#define TRY_ASSIGN(decl, expr) TRY_ASSIGN_IMPL_(PR_CONCAT(try_, __COUNTER__), decl, expr, return)
#define CO_TRY_ASSIGN(decl, expr) TRY_ASSIGN_IMPL_(PR_CONCAT(try_, __COUNTER__), decl, expr, co_return)

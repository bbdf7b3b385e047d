#pragma once
// Private to the room. The field table: for every setting its key, how it is read and printed, and one sentence. It
// feeds the parser, `config check`, `config print` and docs/config.md. Immutable.

#include <span>

#include "app/config.h"
#include "app/values.h"

namespace app {

template <class Owner>
struct Field {
  const char* key;  // with its table: "limits.message_size"; of a listener without
  const char* kind;
  const char* sentence;
  base::Result<void> (*set)(Owner&, const Raw&);
  std::string (*print)(const Owner&);  // as TOML
  void (*copy)(Owner& to, const Owner& from);
  bool (*same)(const Owner& a, const Owner& b);
  bool secret = false;                  // printed without its value
  const char* shown_default = nullptr;  // in documents, when the member's own default does not say it
  bool restart = false;                 // a change takes hold with the next start only

  constexpr Field needs_restart() const {
    Field field = *this;
    field.restart = true;
    return field;
  }
};

std::span<const Field<Config>> settings();
/// Of one [certificate.NAME].
std::span<const Field<NamedCertificate>> certificate_settings();
/// Of one [listener.NAME].
std::span<const Field<Listener>> listener_settings();

/// Of one [route.NAME].
std::span<const Field<queue::Route>> route_settings();

/// The tables of which there are several, each with a name that the operator gives.
struct NamedTable {
  std::string name;               // "listener"
  std::vector<std::string> keys;  // of the settings in one
};
const std::vector<NamedTable>& named_tables();

}  // namespace app

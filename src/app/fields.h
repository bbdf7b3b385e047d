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
  std::string (*print)(const Owner&);   // as TOML
  const char* shown_default = nullptr;  // in documents, when the member's own default does not say it
};

std::span<const Field<Config>> settings();
/// Of one [certificate.NAME].
std::span<const Field<NamedCertificate>> certificate_settings();
/// Of one [listener.NAME].
std::span<const Field<Listener>> listener_settings();

}  // namespace app

#include "app/changes.h"

#include <algorithm>

#include "app/fields.h"

namespace app {

namespace {

/// Named tables: those that came, went, and changed.
template <class Owner>
void compare_named(const std::string& table, const std::vector<Owner>& now, const std::vector<Owner>& next,
                   std::span<const Field<Owner>> fields, Changes& changes) {
  for (const Owner& old : now) {
    if (std::ranges::find(next, old.name, &Owner::name) == next.end())
      changes.changed.push_back(table + "." + old.name + " removed");
  }
  for (const Owner& wanted : next) {
    const std::string key = table + "." + wanted.name;
    const auto old = std::ranges::find(now, wanted.name, &Owner::name);
    if (old == now.end()) {
      changes.changed.push_back(key + " added");
      continue;
    }
    for (const auto& field : fields) {
      if (!field.same(*old, wanted)) changes.changed.push_back(key + "." + field.key + " = " + field.print(wanted));
    }
  }
}

}  // namespace

Changes compare(const Config& now, Config& next) {
  Changes changes;
  for (const auto& field : settings()) {
    if (field.same(now, next)) continue;
    (field.restart ? changes.waiting : changes.changed).push_back(std::string(field.key) + " = " + field.print(next));
    if (field.restart) field.copy(next, now);
  }
  next.settle();
  compare_named(std::string("certificate"), now.certificates, next.certificates, certificate_settings(), changes);
  compare_named(std::string("route"), now.delivery.queue.routes, next.delivery.queue.routes, route_settings(), changes);
  compare_named(std::string("listener"), now.listeners, next.listeners, listener_settings(), changes);
  return changes;
}

}  // namespace app

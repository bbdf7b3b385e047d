# Shared by the scripts: where things are, and how a bare Debian 12 gets what is needed. Sourced, not run.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$top"
export CCACHE_BASEDIR=$top CCACHE_MAXSIZE=${CCACHE_MAXSIZE:-5G}

say() { printf '\n== %s\n' "$*"; }
die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

# packages SET...: the names in scripts/packages that belong to the sets.
packages() {
  local set
  for set in "$@"; do
    awk -v set="$set" '!/^#/ { for (i = 2; i <= NF; i++) if ($i == set) print $1 }' scripts/packages
  done
}

# install SET...: what is missing of the sets, by apt, as root or with sudo.
install() {
  local missing=() name
  for name in $(packages "$@"); do
    dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed || missing+=("$name")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing ${missing[*]}"
  local sudo=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "these packages are missing, and installing them needs root or sudo: ${missing[*]}"
    sudo=(sudo)
  fi
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq </dev/null
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null >/dev/null
}

# configure PRESET [cmake argument...]: once; CMake itself notices later changes.
configure() {
  local preset=$1
  shift
  [ -f "build/$preset/build.ninja" ] && [ $# = 0 ] || cmake --preset "$preset" "$@" >"/dev/null"
}

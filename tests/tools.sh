# Sourced by the test scripts: installs a missing tool by package manager, or fails. Nothing is skipped.

cache="$PWD/.cache"
mkdir -p "$cache"

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# need PACKAGE COMMAND [CHECK]: installs Debian's PACKAGE when COMMAND is missing or CHECK fails.
need() {
  if command -v "$2" >/dev/null && { [ -z "${3:-}" ] || $3 >/dev/null 2>&1; }; then return; fi
  echo "installing $1"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$1" >/dev/null
  command -v "$2" >/dev/null || { echo "$2 is missing and could not be installed" >&2; exit 1; }
}

# The product and everything that tests it. One selection of packages and one profile everywhere: with another, cargo
# would build the dependencies again with other features.
build() {
  cargo build --release --workspace --all-targets --quiet
}

need_nextest() {
  PATH="$cache/tools/bin:$PATH"
  cargo nextest --version >/dev/null 2>&1 || cargo install cargo-nextest --locked --root "$cache/tools"
}

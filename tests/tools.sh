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

need_nextest() {
  PATH="$cache/tools/bin:$PATH"
  cargo nextest --version >/dev/null 2>&1 || cargo install cargo-nextest --locked --root "$cache/tools"
}

# venv PACKAGE...: a Python environment of its own, made once for this list of packages.
venv() {
  local list="$*" dir="$cache/venv"
  if [ "$(cat "$dir/packages" 2>/dev/null)" != "$list" ]; then
    rm -rf "$dir"
    python3 -m venv "$dir"
    "$dir/bin/pip" install --quiet --disable-pip-version-check "$@"
    echo "$list" >"$dir/packages"
  fi
  PATH="$dir/bin:$PATH"
}

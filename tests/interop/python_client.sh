#!/usr/bin/env bash
# A client made from the proto files alone, in another language, with certificate verification on: opens a case,
# downloads the archive, has it verified. Reflection and the first call are exercised by grpcurl where it can be had.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/tools.sh

work="$(mktemp -d)"
trap 'exec 9>&- 2>/dev/null || true; rm -rf "$work"' EXIT

build

dir="$cache/venv-grpc"
packages="grpcio==1.85.1 grpcio-tools==1.85.1 grpcio-reflection==1.85.1 protobuf==7.36.2"
if [ "$(cat "$dir/packages" 2>/dev/null)" != "$packages" ]; then
  rm -rf "$dir"
  python3 -m venv "$dir"
  # shellcheck disable=SC2086
  "$dir/bin/pip" install --quiet --disable-pip-version-check $packages
  echo "$packages" >"$dir/packages"
fi

# The stubs come from the proto files and nothing else.
mkdir "$work/stubs"
(cd proto && "$dir/bin/python" -m grpc_tools.protoc -I. --python_out="$work/stubs" --grpc_python_out="$work/stubs" \
  $(find tributary -name '*.proto'))

mkfifo "$work/hold"
"${CARGO_TARGET_DIR:-target}/release/examples/group" <"$work/hold" >"$work/facts.json" &
group=$!
exec 9>"$work/hold"
for _ in $(seq 600); do
  [ -s "$work/facts.json" ] && break
  kill -0 "$group" 2>/dev/null || { echo "the group did not start" >&2; exit 1; }
  sleep 0.1
done
[ -s "$work/facts.json" ] || { echo "the group was not ready within a minute" >&2; exit 1; }

# The client shows that a wrong root is refused; gRPC would report that on its own.
GRPC_VERBOSITY=NONE PYTHONPATH="$work/stubs" timeout 120 "$dir/bin/python" tests/interop/python_client.py "$work/facts.json" "$work"
tests/interop/grpcurl.sh "$work/facts.json"

exec 9>&-
wait "$group"
echo "the Python client opened a case and downloaded a verified archive"

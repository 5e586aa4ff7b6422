#!/usr/bin/env bash
# A public database that nobody of this project designed, through the whole stack: TRIBUTARY_REAL_DATA names the folder
# that holds chinook/. The SQLite file goes through a whole group; then it is compared with the same data in PostgreSQL and
# MariaDB. Fails when a file or a server is missing; nothing is skipped.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/tools.sh

need jq jq

database="${TRIBUTARY_REAL_DATA:?name the folder with the real data}/chinook/Chinook_Sqlite.sqlite"
[ -f "$database" ] || { echo "$database is missing" >&2; exit 1; }

before="$(sha256sum <"$database")"
build
"${CARGO_TARGET_DIR:-target}/release/examples/chinook" "$database" tests/real/chinook.yml
[ "$before" = "$(sha256sum <"$database")" ] || { echo "the database's bytes changed" >&2; exit 1; }

# A first manifest of it, as `agent init` makes it and without an edit, finds a customer's invoices with their lines.
product="$PWD/${CARGO_TARGET_DIR:-target}/release/tributary"
first="$(mktemp -d)"
"$product" agent init --database "sqlite://$(realpath "$database")" --out "$first" >/dev/null
found="$("$product" --output json agent dry-run --config "$first/agent.yaml" --identifier email=luisg@embraer.com.br)"
for expected in Customer=1 Invoice=7 InvoiceLine=38 Employee=0; do
  rows="$(jq -r --arg name "${expected%=*}" '.collections[] | select(.collection == $name).rows' <<<"$found")"
  [ "$rows" = "${expected#*=}" ] || { echo "agent init: $expected rows expected of ${expected%=*}, found $rows" >&2; exit 1; }
done
rm -r "$first"

trap 'tests/servers.sh stop' EXIT
"${CARGO_TARGET_DIR:-target}/release/examples/chinook_engines" "$(dirname "$database")" tests/real/chinook.yml

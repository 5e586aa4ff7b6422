#!/usr/bin/env bash
# A public database that nobody of this project designed, through the whole stack: TRIBUTARY_REAL_DATA names the folder
# that holds chinook/Chinook_Sqlite.sqlite. Fails when it is missing; nothing is skipped.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/tools.sh

database="${TRIBUTARY_REAL_DATA:?name the folder with the real data}/chinook/Chinook_Sqlite.sqlite"
[ -f "$database" ] || { echo "$database is missing" >&2; exit 1; }

before="$(sha256sum <"$database")"
build
"${CARGO_TARGET_DIR:-target}/release/examples/chinook" "$database" tests/real/chinook.yml
[ "$before" = "$(sha256sum <"$database")" ] || { echo "the database's bytes changed" >&2; exit 1; }

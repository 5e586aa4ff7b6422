#!/usr/bin/env bash
# Lets other programs judge archives: PyPI's bagit, frictionless and RO-Crate validators, Info-ZIP's unzip and Python's
# zipfile; a checker written from PROFILE.md alone; pandas, DuckDB and R as loaders of tables; Info-ZIP's zip, 7-Zip and
# Python as programs that pack an archive anew. Above 4 GiB (skip with --small) the two ZIP readers. What PyPI has lives in
# a virtual environment below .cache, made on first use.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/tools.sh

large=yes
if [ "${1:-}" = --small ]; then large=no; fi

need zip zip
need unzip unzip
need p7zip-full 7z
need r-base-core Rscript
venv=$PWD/.cache/venv
python="$venv/bin/python"
if ! "$python" -c 'import bagit, frictionless, jsonlines, pandas, duckdb, cryptography, rocrate_validator' 2>/dev/null; then
    mkdir -p .cache
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet 'bagit==1.9.0' 'frictionless[json]==5.21.0' 'roc-validator==0.13.0' \
        'pandas==3.1.1' 'duckdb==2.0.0' cryptography
fi

# mktemp puts something unique in place of the X's.
work=$(mktemp -d "$PWD/.cache/interop.XXXXXX")
trap 'rm -rf "$work"' EXIT
build
bin=$(realpath "${CARGO_TARGET_DIR:-target}/release")
write=$bin/examples/write_archive
tributary=$bin/tributary

zip_readers() {
    unzip -tq "$1" | tail -n 1
    python3 -m zipfile -t "$1"
}

# verdict CODE ARGUMENTS…: `archive verify` ends with this code.
verdict() {
    local expected=$1 code=0
    shift
    "$tributary" archive verify "$@" >"$work/report" || code=$?
    if [ "$code" != "$expected" ]; then
        cat "$work/report"
        echo "archive verify ended with $code, not $expected" >&2
        exit 1
    fi
}

for kind in small typed hidden ndjson many; do
    echo "== $kind"
    "$write" "$work/$kind.zip" "$kind" | tee "$work/facts"
    key=$(sed -n 's/^group key //p' "$work/facts")
    printf '%s' "$key" >"$work/$kind.key"
    zip_readers "$work/$kind.zip"
    verdict 0 "$work/$kind.zip" --group-key "$key"
    "$tributary" archive extract "$work/$kind.zip" --to "$work/$kind"
    verdict 9 "$work/$kind" --group-key "$key"
    "$venv/bin/bagit.py" --validate --quiet "$work/$kind"
    echo "bagit: valid"
    "$python" tests/interop/verify_archive.py "$work/$kind" "$key"
    if [ "$kind" != many ]; then
        for package in "$work/$kind"/data/entities/*/datapackage.json; do
            (cd "$(dirname "$package")" && "$venv/bin/frictionless" validate datapackage.json >"$work/report") \
                || { cat "$work/report"; exit 1; }
            echo "frictionless: valid"
        done
        "$python" tests/interop/validate_crate.py "$work/$kind/data"
        echo "RO-Crate: valid"
    fi
done

echo "== loaded"
"$python" tests/interop/load_tables.py "$work/typed/data/entities/acme-fr"
Rscript tests/interop/load_tables.R "$work/typed/data/entities/acme-fr"

echo "== packed anew"
key=$(cat "$work/small.key")
case=$(unzip -Z1 "$work/small.zip" | sed -n '1s,/.*,,p')
mkdir "$work/again"
cp -r "$work/small" "$work/again/$case"
(
    cd "$work/again"
    zip -qr ../info-zip.zip "$case"
    zip -qr - "$case" | cat >../streamed.zip
    7z a -bso0 -bsp0 ../seven-zip.zip "$case"
    python3 -m zipfile -c ../python.zip "$case"
)
for again in info-zip streamed seven-zip python; do
    verdict 9 "$work/$again.zip" --group-key "$key"
    verdict 3 "$work/$again.zip"
    echo "$again: $(grep -c '^the container' "$work/report" || true) changes named"
done
echo x >>"$work/again/$case/data/information.json"
(cd "$work/again" && zip -qr ../changed.zip "$case")
verdict 4 "$work/changed.zip" --group-key "$key"
echo "a changed file is no repacking"

# The validators do judge: a changed byte is an error to each.
echo "== changed"
changed=$work/small
printf 'x' >>"$changed/data/entities/acme-fr/crm/customer-0001.csv"
if "$venv/bin/bagit.py" --validate --quiet "$changed" 2>/dev/null; then
    echo "bagit took a changed file for valid" >&2
    exit 1
fi
if (cd "$changed/data/entities/acme-fr" && "$venv/bin/frictionless" validate datapackage.json >/dev/null); then
    echo "frictionless took a changed file for valid" >&2
    exit 1
fi
if "$python" tests/interop/verify_archive.py "$changed" "$key" 2>/dev/null; then
    echo "the profile's checker took a changed file for valid" >&2
    exit 1
fi
rm "$changed/data/README.txt"
if "$python" tests/interop/validate_crate.py "$changed/data" 2>/dev/null; then
    echo "the RO-Crate validator took a missing file for valid" >&2
    exit 1
fi
echo "each refuses a changed file"

if [ "$large" = yes ]; then
    echo "== large"
    "$write" "$work/large.zip" large
    zip_readers "$work/large.zip"
fi
echo "every reader accepts the archives"

#!/usr/bin/env bash
# Lets other programs judge archives: PyPI's bagit and frictionless, Info-ZIP's unzip and Python's zipfile; above 4 GiB
# (skip with --small) the two ZIP readers. The validators live in a virtual environment below .cache, made on first use.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/tools.sh

large=yes
if [ "${1:-}" = --small ]; then large=no; fi

venv=.cache/venv
if ! "$venv/bin/python" -c 'import bagit, frictionless, jsonlines' 2>/dev/null; then
    mkdir -p .cache
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet 'bagit==1.9.0' 'frictionless[json]==5.21.0'
fi

work=$(mktemp -d .cache/interop.XXXXXX)
trap 'rm -rf "$work"' EXIT
build
write=${CARGO_TARGET_DIR:-target}/release/examples/write_archive

zip_readers() {
    unzip -tq "$1" | tail -n 1
    python3 -m zipfile -t "$1"
}

for kind in small ndjson many; do
    echo "== $kind"
    "$write" "$work/$kind.zip" "$kind"
    zip_readers "$work/$kind.zip"
    mkdir "$work/$kind"
    python3 -m zipfile -e "$work/$kind.zip" "$work/$kind"
    "$venv/bin/bagit.py" --validate --quiet "$work/$kind"/*
    echo "bagit: valid"
    for package in "$work/$kind"/*/data/entities/*/datapackage.json; do
        if [ "$kind" != many ]; then
            (cd "$(dirname "$package")" && "$OLDPWD/$venv/bin/frictionless" validate datapackage.json >"$OLDPWD/$work/report") \
                || { cat "$work/report"; exit 1; }
            echo "frictionless: valid"
        fi
    done
done

# The validators do judge: a changed byte is an error to both.
echo "== changed"
changed=$(ls -d "$work"/small/*)
printf 'x' >>"$changed/data/entities/acme-fr/crm/customer-0001.csv"
if "$venv/bin/bagit.py" --validate --quiet "$changed" 2>/dev/null; then
    echo "bagit took a changed file for valid" >&2
    exit 1
fi
if (cd "$changed/data/entities/acme-fr" && "$OLDPWD/$venv/bin/frictionless" validate datapackage.json >/dev/null); then
    echo "frictionless took a changed file for valid" >&2
    exit 1
fi
echo "both refuse a changed file"

if [ "$large" = yes ]; then
    echo "== large"
    "$write" "$work/large.zip" large
    zip_readers "$work/large.zip"
fi
echo "every reader accepts the archives"

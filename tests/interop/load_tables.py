#!/usr/bin/env python3
"""Loads the typed table of an unpacked archive with pandas and DuckDB: load_tables.py FOLDER.

Both must give back every value: exact whole numbers, dates, text with quotes, line breaks and any script, and no value
apart from empty text where the program can tell them apart."""

import json
import sys
from pathlib import Path

import duckdb
import pandas

folder = Path(sys.argv[1])
table = folder / "crm/typed-0001.csv"
expected = json.loads((folder / "expected.json").read_text())
fields = json.loads((folder / "datapackage.json").read_text())["resources"][0]["schema"]["fields"]
kinds = {field["name"]: field["type"] for field in fields}


def same(found, program):
    assert found == expected, f"{program}:\n{found}\nis not\n{expected}"
    print(f"{program}: every value is back")


frame = pandas.read_csv(
    table,
    dtype={name: {"integer": "Int64", "number": "float64"}.get(kind, "string") for name, kind in kinds.items()},
    keep_default_na=False,
    na_values={name: [""] for name in kinds if name != "note"},
)
assert pandas.to_datetime(frame["seen"].dropna(), format="ISO8601", utc=True).dt.year.tolist() == [2026, 2026, 1970, 2026]
assert frame["born"].dropna().map(pandas.Period, na_action="ignore").dt.year.tolist() == [1990, 2000, 1970, 1]


def plain(value, name):
    if pandas.isna(value):
        return None
    return str(value) if name == "big" else value.item() if hasattr(value, "item") else value


# pandas does not tell an empty field from a pair of quotes: both are empty text here.
rows = [{name: plain(row[name], name) for name in kinds} for row in frame.to_dict("records")]
for row, wanted in zip(rows, expected):
    if row["note"] == "" and wanted["note"] is None:
        row["note"] = None
same(rows, "pandas")

types = {"integer": "BIGINT", "number": "DOUBLE", "date": "DATE", "datetime": "VARCHAR"}
columns = {name: types.get(kind, "VARCHAR") for name, kind in kinds.items()}
read = duckdb.sql(
    f"SELECT id, big::VARCHAR AS big, total, note, strftime(born, '%Y-%m-%d') AS born, seen, status, seen::TIMESTAMP::VARCHAR AS t "
    f"FROM read_csv('{table}', header = true, columns = {columns}, new_line = '\\r\\n', allow_quoted_nulls = false)"
)
same([dict(zip(kinds, row[:7])) for row in read.fetchall()], "DuckDB")

#!/usr/bin/env python3
"""Checks an unpacked archive from services/archive/PROFILE.md alone: verify_archive.py FOLDER ed25519:KEY."""

import base64
import collections
import csv
import hashlib
import io
import json
import sys
import zlib
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

GROUP = "application/vnd.tributary.group-public.v1+json"
IN_TOTO = "application/vnd.in-toto+json"
# Cells above a mebibyte are files of their own.
csv.field_size_limit(1 << 24)


def fail(what):
    sys.exit(f"refused: {what}")


def expect(holds, what):
    if not holds:
        fail(what)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def lines_digest(lines):
    return sha256("".join(line + "\n" for line in lines).encode())


def opened(path, kind, keys):
    """Section 2: the payload of an envelope that one of the keys signed, and that key."""
    envelope = json.loads(path.read_bytes())
    payload = base64.b64decode(envelope["payload"])
    expect(envelope["payloadType"] == kind, f"{path.name}: another payload type")
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    for key in keys:
        raw = base64.b64decode(key["public_key"].removeprefix("ed25519:"))
        for signature in envelope["signatures"]:
            try:
                Ed25519PublicKey.from_public_bytes(raw).verify(base64.b64decode(signature["sig"]), message)
                return json.loads(payload), key
            except InvalidSignature:
                pass
    fail(f"{path.name}: not signed by a key that counts")


def counts(key, at):
    return key["not_before"] <= at < key["not_after"] and not (key.get("revoked_at") and at >= key["revoked_at"])


def escape(text):
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def part_line(resource):
    """Section 4: the line of a part, from section 6."""
    own = resource["tributary"]
    fields = [own["part"], resource["path"], own["dataset"], escape(own["collection"])]
    fields += ["table" if resource["type"] == "table" else "attachment", escape(resource["mediatype"])]
    fields += [own["encoding"], own["rows"], resource["bytes"], own["encodedBytes"], own["crc32"]]
    fields += [resource["hash"].removeprefix("sha256:"), own["encodedSha256"]]
    return "\t".join(str(field) for field in fields)


def table_line(resource):
    """Section 4: the line of a table, from section 6."""
    own, schema = resource["tributary"], resource["schema"]
    renamed = {"type": "kind", "dataCategories": "categories", "shownAs": "shown_as"}
    order = ["name", "kind", "format", "title", "description", "categories", "labels", "codes", "unit", "shown_as"]
    fields = [{renamed.get(name, name): value for name, value in field.items()} for field in schema["fields"]]
    table = {"dataset": own["dataset"], "collection": own["collection"]}
    table |= {"title": resource.get("title"), "description": resource.get("description")}
    table["fields"] = [{name: field[name] for name in order if field.get(name)} for field in fields]
    table |= {"primary_key": schema.get("primaryKey"), "foreign_keys": own.get("references"), "labels": own.get("labels")}
    table["dataset_labels"] = own.get("datasetLabels")
    table["marks"] = [mark[len("[redacted:") : -1] for mark in schema.get("missingValues", [])[1:]]
    kept = {name: value for name, value in table.items() if value or name == "fields"}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))


def marks_in(resource, content):
    """Section 5: the marks in a table's file, by collection, field and reason."""
    marks = resource["schema"].get("missingValues", [])[1:]
    if resource["mediatype"] == "text/csv":
        rows = csv.DictReader(io.StringIO(content.decode(), newline=""))
    else:
        rows = map(json.loads, content.decode().splitlines())
    own = resource["tributary"]
    for row in rows:
        for field, value in row.items():
            if isinstance(value, str) and value in marks:
                yield own["dataset"], own["collection"], field, value[len("[redacted:") : -1]


def check_entity(root, entry, attestation):
    folder = root / "data/entities" / entry["entity"]
    resources = json.loads((folder / "datapackage.json").read_bytes())["resources"]
    parts = attestation["parts"]
    expect(lines_digest(["tributary part list v1", *map(part_line, resources)]) == parts["sha256"], "the part list")
    expect(len(resources) == parts["count"], "the number of parts")
    tables = {(r["tributary"]["dataset"], r["tributary"]["collection"]): table_line(r) for r in resources if "schema" in r}
    ordered = [tables[key] for key in sorted(tables)]
    expect(lines_digest(["tributary tables v1", *ordered]) == attestation["tables_sha256"], "the tables")
    hidden = collections.Counter()
    for resource in resources:
        content = (folder / resource["path"]).read_bytes()
        described = (resource["bytes"], resource["hash"], resource["tributary"]["crc32"])
        expect((len(content), "sha256:" + sha256(content), f"{zlib.crc32(content):08x}") == described, "a part's content")
        if "schema" in resource:
            hidden.update(marks_in(resource, content))
    said = [r for r in attestation.get("redactions", []) if "field" in r]
    counted = {(r["dataset"], r["collection"], r["field"], r["reason"]): r["count"] for r in said}
    expect(hidden == counted, "the marks of what is hidden")
    if "previews_sha256" in attestation:
        previews = (folder / "previews.ndjson").read_bytes()
        expect(sha256(previews) == attestation["previews_sha256"], "the previews")


def check_record(root, entry, attestation):
    told = json.loads((root / "data/information.json").read_bytes())["entities"]
    told = next(entity for entity in told if entity["entity"] == entry["entity"])
    if told["state"] == "here":
        record = json.dumps(told["record"], ensure_ascii=False, separators=(",", ":")) + "\n"
        expect(sha256(record.encode()) == attestation["information_sha256"], "the record of processing")
    elif told["state"] != "earlier":
        expect("information_sha256" not in attestation, "a record of processing is missing")


def check_manifests(root):
    files = sorted((str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()), key=str.encode)
    own = {"tagmanifest-sha256.txt", "attestations/gateway.dsse.json"}
    for manifest, covers in [
        ("manifest-sha256.txt", lambda path: path.startswith("data/")),
        ("tagmanifest-sha256.txt", lambda path: not path.startswith("data/") and path not in own),
    ]:
        expected = "".join(f"{sha256((root / path).read_bytes())}  {path}\n" for path in files if covers(path))
        expect((root / manifest).read_text() == expected, manifest)


def main(folder, group_key):
    root = Path(folder)
    trust, _ = opened(root / "trust.json", GROUP, [{"public_key": group_key}])
    completeness = json.loads((root / "completeness.json").read_bytes())
    expect(completeness["profile"] == "https://tributary.dev/archive/v1", "another profile")
    entries, at = completeness["entities"], completeness["assembled_at"]
    expect([e["entity"] for e in entries] == sorted(e["id"] for e in trust["entities"]), "the roster")
    head = ["tributary roster v1", completeness["case"]]
    head.append("\t".join([trust["group"], str(trust["version"]), trust["group_file_sha256"]]))
    roster = [f"{e['entity']}\t{e['decision']['outcome']}\t{e['decision']['rule']}" for e in entries]
    expect(lines_digest(head + roster) == completeness["roster_sha256"], "the roster's digest")
    expect(completeness["complete"] == all(entry["complete"] for entry in entries), "`complete`")
    for entry in entries:
        if entry["said_by"] != "entity":
            continue
        keys = next(entity for entity in trust["entities"] if entity["id"] == entry["entity"])["attestation_keys"]
        statement, key = opened(root / entry["attestation"], IN_TOTO, keys)
        attestation = statement["predicate"]
        expect(counts(key, attestation["finished_at"]) and counts(key, at), "an entity's key")
        expect(statement["subject"][0]["digest"]["sha256"] == attestation["parts"]["sha256"], "the subject")
        about = (attestation["entity"], attestation["case"], attestation["disposition"])
        expect(about == (entry["entity"], completeness["case"], entry["disposition"]), "what was attested")
        check_record(root, entry, attestation)
        if attestation["parts"]["count"] and entry.get("archive") == completeness["sequence"]:
            check_entity(root, entry, attestation)
    check_manifests(root)
    statement, key = opened(root / "attestations/gateway.dsse.json", IN_TOTO, trust["gateway_keys"])
    expect(counts(key, at), "the gateway's key")
    tagmanifest = sha256((root / "tagmanifest-sha256.txt").read_bytes())
    expect(statement["subject"][0]["digest"]["sha256"] == tagmanifest, "the gateway's subject")
    expected = {"case": completeness["case"], "sequence": completeness["sequence"], "assembled_at": at}
    expected |= {"roster_sha256": completeness["roster_sha256"], "group_version": trust["version"]}
    expected |= {"group_sha256": trust["group_file_sha256"]}
    if "predecessor" in completeness:
        expected["predecessor"] = completeness["predecessor"]
    expect(statement["predicate"] == expected, "the gateway's statement")
    print("authentic, by the profile's page alone")


main(*sys.argv[1:])

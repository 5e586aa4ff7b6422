"""A caller of the gateway made from the proto files: `python_client.py FACTS.json FOLDER`."""

import json
import subprocess
import sys
import uuid
from pathlib import Path

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from tributary.gateway.v1 import archive_service_pb2, archive_service_pb2_grpc
from tributary.gateway.v1 import case_service_pb2, case_service_pb2_grpc
from tributary.types.v1 import types_pb2

LIMIT = 60
OFFICER = "officer@privacy.example"


def credentials(facts, root=None):
    """Root, own certificate and key; the host name is checked against the certificate's DNS names."""
    read = lambda name: Path(facts[name]).read_bytes()
    return grpc.ssl_channel_credentials(root or read("root"), read("key"), read("certificate"))


def open_case(channel, email):
    cases = case_service_pb2_grpc.CaseServiceStub(channel)
    request = case_service_pb2.OpenCaseRequest(
        request_id=str(uuid.uuid4()),
        on_behalf_of=OFFICER,
        right=types_pb2.RIGHT_ACCESS,
        identifiers=[types_pb2.Identifier(type="email", value=email)],
        identity_confirmed=True,
    )
    case_id = cases.OpenCase(request, timeout=LIMIT).case.case_id
    watch = case_service_pb2.WatchCaseRequest(case_id=case_id, on_behalf_of=OFFICER)
    for event in cases.WatchCase(watch, timeout=LIMIT):
        if event.state == case_service_pb2.CASE_STATE_READY:
            break
    get = case_service_pb2.GetCaseRequest(case_id=case_id, on_behalf_of=OFFICER)
    return cases.GetCase(get, timeout=LIMIT).case


def download(channel, case_id, path):
    archives = archive_service_pb2_grpc.ArchiveServiceStub(channel)
    get = archive_service_pb2.GetArchiveRequest(case_id=case_id, on_behalf_of=OFFICER)
    announced = archives.GetArchive(get, timeout=LIMIT).archive
    wanted = archive_service_pb2.DownloadArchiveRequest(case_id=case_id, on_behalf_of=OFFICER)
    with path.open("wb") as file:
        for piece in archives.DownloadArchive(wanted, timeout=LIMIT):
            assert piece.offset == file.tell(), "the bytes do not follow each other"
            file.write(piece.data)
    assert path.stat().st_size == announced.size and announced.complete


def refuses_without_the_right_root(facts):
    """The same call with a root that did not sign the gateway's certificate gets no connection."""
    stranger = Path(facts["folder"], "callers/pki/ca.pem").read_bytes()
    with grpc.secure_channel(facts["target"], credentials(facts, stranger)) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=3)
        except grpc.FutureTimeoutError:
            return
    raise AssertionError("a gateway with a certificate of an unknown authority was accepted")


def reflected_services(channel):
    """The contract as the gateway itself describes it."""
    database = ProtoReflectionDescriptorDatabase(channel)
    pool = DescriptorPool(database)
    for name in database.get_services():
        if name.startswith("tributary."):
            yield name, [method.name for method in pool.FindServiceByName(name).methods]


def main():
    facts, folder = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    refuses_without_the_right_root(facts)
    with grpc.secure_channel(facts["target"], credentials(facts)) as channel:
        services = dict(reflected_services(channel))
        assert "OpenCase" in services["tributary.gateway.v1.CaseService"], services
        assert "DownloadArchive" in services["tributary.gateway.v1.ArchiveService"], services
        case = open_case(channel, facts["email"])
        said = {t.entity: types_pb2.Disposition.Name(t.disposition).removeprefix("DISPOSITION_") for t in case.tasks}
        assert said == facts["expected"], said
        path = folder / "archive.zip"
        download(channel, case.case_id, path)
    verify = [facts["tributary"], "archive", "verify", str(path), "--group-key", facts["group_key"]]
    verified = subprocess.run(verify, capture_output=True, text=True, timeout=LIMIT)
    assert verified.returncode == 0, verified


if __name__ == "__main__":
    main()

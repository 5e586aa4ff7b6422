//! Compiles the contract without protoc: protox parses, tonic-prost-build generates.

use std::path::PathBuf;

use prost::Message;

const FILES: [&str; 6] = [
    "tributary/types/v1/errors.proto",
    "tributary/types/v1/types.proto",
    "tributary/agent/v1/subject_data_service.proto",
    "tributary/gateway/v1/case_service.proto",
    "tributary/gateway/v1/archive_service.proto",
    "tributary/gateway/v1/group_service.proto",
];

/// Messages that carry personal data or bytes of it: their `Debug` is written by hand and shows the name only.
const SENSITIVE: [&str; 21] = [
    ".tributary.types.v1.Identifier",
    ".tributary.agent.v1.LocateRequest",
    ".tributary.agent.v1.StartExportRequest",
    ".tributary.agent.v1.ReadPartResponse",
    ".tributary.agent.v1.WatchExportResponse",
    ".tributary.agent.v1.Part",
    ".tributary.agent.v1.Preview",
    ".tributary.agent.v1.PreviewRow",
    ".tributary.agent.v1.PreviewCell",
    ".tributary.agent.v1.PreviewCell.content",
    ".tributary.agent.v1.CutText",
    ".tributary.agent.v1.OverviewField",
    ".tributary.gateway.v1.OpenCaseRequest",
    ".tributary.gateway.v1.ConfirmIdentityRequest",
    ".tributary.gateway.v1.CancelCaseRequest",
    ".tributary.gateway.v1.ConfirmDeliveryRequest",
    ".tributary.gateway.v1.DownloadArchiveResponse",
    ".tributary.gateway.v1.CreateLinkRequest",
    ".tributary.gateway.v1.CreateLinkResponse",
    ".tributary.gateway.v1.Link",
    ".tributary.agent.v1.WatchExportResponse.event",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=tributary");
    let mut compiler = protox::Compiler::new(["."])?;
    compiler.include_imports(true).include_source_info(true).open_files(FILES)?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let set = compiler.file_descriptor_set();
    std::fs::write(out.join("tributary.binpb"), set.encode_to_vec())?;
    tonic_prost_build::configure()
        .bytes(".tributary.agent.v1.ReadPartResponse.data")
        .bytes(".tributary.gateway.v1.DownloadArchiveResponse.data")
        .skip_debug(SENSITIVE)
        .compile_fds(set)?;
    Ok(())
}

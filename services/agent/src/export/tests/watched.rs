//! What who watches an export hears, and what lies on the disk meanwhile.

use super::*;

pub(super) async fn next(
    events: &mut (impl Stream<Item = Result<Event, ExportError>> + Unpin),
) -> Result<Event, ExportError> {
    tokio::time::timeout(PATIENCE, events.next()).await.expect("something happens").expect("the stream goes on")
}

/// The next pause for a reason that contains `text`.
pub(super) async fn pause(events: &mut (impl Stream<Item = Result<Event, ExportError>> + Unpin), text: &str) {
    while !matches!(next(events).await.unwrap(), Event::Pending { reason, .. } if reason.contains(text)) {}
}

pub(super) async fn attested(events: &mut (impl Stream<Item = Result<Event, ExportError>> + Unpin)) -> (u32, Vec<u8>) {
    let mut generation = 0;
    loop {
        match next(events).await.unwrap() {
            Event::GenerationStarted(started) => generation = started,
            Event::Attested { envelope, .. } => return (generation, envelope),
            _ => {}
        }
    }
}

pub(super) async fn bytes(exports: &Exports, mandate: &Mandate, generation: u32, index: u32) -> Vec<u8> {
    let name = PartName { instruction: mandate.instruction, generation, index };
    let chunks: Vec<_> = exports.read(name, mandate.case, 0).await.unwrap().collect().await;
    chunks.into_iter().flat_map(|chunk| chunk.unwrap().data.to_vec()).collect()
}

pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let inside = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    // A socket is no file.
    entries.flat_map(inside).filter(|path| path.is_file()).collect()
}

pub(super) fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(file, target).unwrap();
    }
}

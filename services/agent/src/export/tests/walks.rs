//! Walks as systems give them: parts into the sink, and what is said of them.

use std::sync::mpsc;

use super::*;

pub(super) type Walking =
    Box<dyn Fn(u32, &Request, &mut dyn PartSink, &StopFlag) -> Result<Collected, CollectError> + Send + Sync>;

pub(super) fn letters() -> Table {
    serde_json::from_value(serde_json::json!({"dataset": "crm", "collection": "letter", "fields": []})).unwrap()
}

/// Puts part `index` into the sink.
pub(super) fn part(sink: &mut dyn PartSink, index: u32) -> Result<Part, CollectError> {
    table_part(sink, index, &format!("content of part {index}").repeat(100))
}

/// Puts `bytes` into the sink as part `index` of the table of letters.
pub(super) fn table_part(sink: &mut dyn PartSink, index: u32, bytes: &str) -> Result<Part, CollectError> {
    let digest = Sha256Hex::of(bytes.as_bytes());
    let part = Part {
        index,
        path: format!("crm/letter-{index:04}.csv").parse().unwrap(),
        dataset: "crm".parse().unwrap(),
        collection: "letter".to_owned(),
        kind: PartKind::Table,
        media_type: "text/csv".to_owned(),
        encoding: Encoding::Identity,
        rows: 1,
        bytes: bytes.len() as u64,
        encoded_bytes: bytes.len() as u64,
        crc32: crc32fast::hash(bytes.as_bytes()),
        sha256: digest,
        encoded_sha256: digest,
    };
    if index == 1 {
        sink.table(&letters())?;
    }
    sink.begin()?;
    sink.write(bytes.as_bytes())?;
    sink.finish(&part)?;
    Ok(part)
}

pub(super) fn found(parts: &[Part]) -> Collected {
    let sum = |of: fn(&Part) -> u64| parts.iter().map(of).sum::<u64>();
    Collected {
        located: Located::Found,
        answers: vec![Answer {
            controller: "acme".parse().unwrap(),
            dataset: "crm".parse().unwrap(),
            disposition: Disposition::Fulfilled,
            reason: None,
            rows: sum(|part| part.rows),
            snapshot_at: None,
        }],
        searched: Vec::new(),
        not_searched: Vec::new(),
        redactions: Vec::new(),
        identifier_types: Vec::new(),
        parts: tributary_archive::attestation::PartsSummary {
            count: parts.len() as u32,
            bytes: sum(|part| part.bytes),
            encoded_bytes: sum(|part| part.encoded_bytes),
            rows: sum(|part| part.rows),
            sha256: PartListDigest::of(parts),
        },
        tables_sha256: table::digest([&letters()]),
        previews_sha256: None,
        information_sha256: None,
    }
}

pub(super) fn whole(sink: &mut dyn PartSink) -> Result<Collected, CollectError> {
    Ok(found(&[part(sink, 1)?, part(sink, 2)?]))
}

/// A walk that gives one part, says so, and goes on when it is told to.
pub(super) fn halting() -> (Walking, mpsc::Sender<()>) {
    let (go, wait) = mpsc::channel();
    let wait = Mutex::new(wait);
    let walk = move |_, _: &Request, sink: &mut dyn PartSink, _: &StopFlag| {
        let first = part(sink, 1)?;
        wait.lock().unwrap().recv().map_err(|_| CollectError::Stopped)?;
        Ok(found(&[first, part(sink, 2)?]))
    };
    (Box::new(walk), go)
}

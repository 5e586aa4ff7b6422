//! The gateway's side: so many cases, so many of them at once, each to its written and signed archive.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use aws_lc_rs::aead::LessSafeKey;
use aws_lc_rs::digest;
use aws_lc_rs::signature::Ed25519KeyPair;
use futures::stream::{self, StreamExt, TryStreamExt};
use tonic::transport::Channel;
use tributary_proto::agent::v1::subject_data_service_client::SubjectDataServiceClient;
use tributary_proto::agent::v1::watch_export_response::Event;
use tributary_proto::agent::v1::{
    FinishExportRequest, LocateRequest, Part, ReadPartRequest, StartExportRequest, WatchExportRequest,
};
use tributary_proto::types::v1::Identifier;

use super::store::Store;
use super::{ATTESTATION, DESCRIPTION, object, order};
use crate::child::Took;
use crate::cpu;
use crate::raw::tls;

type Agent = SubjectDataServiceClient<Channel>;

struct Gateway {
    key: Ed25519KeyPair,
    cipher: Arc<LessSafeKey>,
    store: Store,
    folder: PathBuf,
    agents: Vec<Agent>,
    /// Bytes of an archive that are no part's.
    generated: usize,
}

/// Runs `cases` cases, `at_once` of them at a time, with the agents at `ports`.
pub(in crate::raw) fn run(
    ports: &[u16],
    cases: u64,
    at_once: usize,
    generated: usize,
    folder: &Path,
    certificates: &Path,
) -> Result<Took> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let mut agents = Vec::new();
        for port in ports {
            agents.push(Agent::new(tls::channel(*port, certificates).await?));
        }
        let gateway = Gateway {
            key: order::key()?,
            cipher: Arc::new(object::cipher()?),
            store: Store::open(&folder.join("gateway.sqlite"))?,
            folder: folder.to_owned(),
            agents,
            generated,
        };
        gateway.case(0).await?;
        let (cpu, wall) = (cpu::own(), Instant::now());
        stream::iter(1..=cases).map(|case| gateway.case(case)).buffer_unordered(at_once).try_collect::<()>().await?;
        Ok(Took { cpu: cpu::own() - cpu, wall: wall.elapsed(), bytes: 0, count: cases })
    })
}

impl Gateway {
    async fn case(&self, case: u64) -> Result<()> {
        self.store.moved(case, "opened", 1000).await?;
        futures::future::try_join_all(
            self.agents.iter().enumerate().map(|(entity, agent)| self.task(entity, agent.clone(), case)),
        )
        .await?;
        let (cipher, folder, generated) = (Arc::clone(&self.cipher), self.folder.clone(), self.generated);
        let path = folder.join(format!("{case}-archive"));
        let signed = order::signed(&self.key, "tag manifest", ATTESTATION);
        blocking(move || {
            let mut bytes = signed;
            bytes.resize(generated, b'g');
            std::hint::black_box((digest::digest(&digest::SHA256, &bytes), crc32fast::hash(&bytes)));
            object::write(&cipher, &path, &bytes)
        })
        .await?;
        self.store.moved(case, "ready", 2000).await
    }

    /// One entity's part of a case.
    async fn task(&self, entity: usize, mut agent: Agent, case: u64) -> Result<()> {
        let instruction = format!("export/{case}");
        let mandate = |what: &str| order::order(&self.key, what);
        let identifiers = vec![Identifier { r#type: "email".to_owned(), value: "anna@example.org".to_owned() }];
        self.store.moved(case, "claimed", 0).await?;
        let locate = LocateRequest {
            mandate: mandate("locate"),
            instruction: instruction.clone(),
            identifiers: identifiers.clone(),
        };
        ensure!(agent.locate(locate).await?.into_inner().outcome == 1, "nobody found");
        self.store.moved(case, "located", 100).await?;
        let start = StartExportRequest {
            mandate: mandate("start"),
            instruction: instruction.clone(),
            identifiers,
            ..StartExportRequest::default()
        };
        agent.start_export(start).await?;
        self.store.moved(case, "exporting", 100).await?;
        let watch = WatchExportRequest { mandate: mandate("watch"), instruction: instruction.clone() };
        let mut events = agent.watch_export(watch).await?.into_inner();
        while let Some(event) = events.message().await? {
            match event.event.context("an empty event")? {
                Event::Table(_) => self.store.moved(case, "table", DESCRIPTION).await?,
                Event::Part(part) => self.part(&mut agent, (case, entity), &instruction, part).await?,
                Event::Attested(attested) => {
                    order::verify(&self.key, &attested.attestation)?;
                    self.store.moved(case, "attested", ATTESTATION).await?;
                }
                _ => self.store.moved(case, "generation", 0).await?,
            }
        }
        agent.finish_export(FinishExportRequest { mandate: mandate("finish"), instruction }).await?;
        self.store.moved(case, "finished", 0).await
    }

    async fn part(&self, agent: &mut Agent, (case, entity): (u64, usize), instruction: &str, part: Part) -> Result<()> {
        let read = ReadPartRequest {
            mandate: order::order(&self.key, "read"),
            instruction: instruction.to_owned(),
            generation: 1,
            index: part.index,
            offset: 0,
        };
        let mut pieces = agent.read_part(read).await?.into_inner();
        let mut carried = Vec::new();
        while let Some(piece) = pieces.message().await? {
            carried.extend_from_slice(&piece.data);
        }
        let cipher = Arc::clone(&self.cipher);
        let path = self.folder.join(format!("{case}-{entity}-{}", part.index));
        blocking(move || {
            let plain = check(&part, &carried)?;
            std::hint::black_box(plain);
            object::write(&cipher, &path, &carried)
        })
        .await?;
        self.store.moved(case, "staged", 300).await
    }
}

/// Digests as carried, inflates, and digests what came out.
fn check(part: &Part, carried: &[u8]) -> Result<usize> {
    let sha = |bytes: &[u8]| digest::digest(&digest::SHA256, bytes);
    ensure!(sha(carried).as_ref() == part.encoded_sha256, "carried");
    let mut plain = Vec::with_capacity(usize::try_from(part.bytes)?);
    std::io::Read::read_to_end(&mut flate2::read::DeflateDecoder::new(carried), &mut plain)?;
    ensure!(sha(&plain).as_ref() == part.sha256 && crc32fast::hash(&plain) == part.crc32, "plain");
    Ok(plain.len())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await?
}

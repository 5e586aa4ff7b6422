//! One entity's side: looks the person up, writes three tables into sealed files, signs, and serves what it wrote.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use aws_lc_rs::aead::LessSafeKey;
use aws_lc_rs::digest;
use aws_lc_rs::signature::Ed25519KeyPair;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use futures::stream::{self, BoxStream, StreamExt};
use rusqlite::{Connection, OpenFlags};
use std::io::Write;
use tokio::sync::watch;
use tonic::transport::Server;
use tonic::{Request, Response, Status};
use tributary_proto::agent::v1::subject_data_service_server::{SubjectDataService, SubjectDataServiceServer};
use tributary_proto::agent::v1::watch_export_response::Event;
use tributary_proto::agent::v1::{
    Attested, DescribeRequest, DescribeResponse, FinishExportRequest, FinishExportResponse, GenerationStarted,
    GetAttestationRequest, GetAttestationResponse, LocateRequest, LocateResponse, Part, ReadPartRequest,
    ReadPartResponse, StartExportRequest, StartExportResponse, Table, WatchExportRequest, WatchExportResponse,
};

use super::store::Store;
use super::{ATTESTATION, DESCRIPTION, TABLES, object, order};
use crate::raw::{encode, tls};

struct Agent {
    key: Arc<Ed25519KeyPair>,
    cipher: Arc<LessSafeKey>,
    database: Arc<Mutex<Connection>>,
    store: Store,
    folder: PathBuf,
    exports: Mutex<std::collections::HashMap<String, watch::Receiver<Vec<Part>>>>,
}

/// Serves the person in `database`; says its port.
pub(in crate::raw) fn serve(database: &Path, folder: &Path, certificates: &Path) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let listener = tls::listen()?;
        println!("{}", listener.local_addr()?.port());
        let agent = Agent {
            key: Arc::new(order::key()?),
            cipher: Arc::new(object::cipher()?),
            database: Arc::new(Mutex::new(Connection::open_with_flags(
                database,
                OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
            )?)),
            store: Store::open(&folder.join("ledger.sqlite"))?,
            folder: folder.to_owned(),
            exports: Mutex::default(),
        };
        Server::builder()
            .add_service(SubjectDataServiceServer::new(agent))
            .serve_with_incoming(tls::incoming(listener, certificates)?)
            .await?;
        Ok(())
    })
}

/// An export's number, which its instruction ends with.
fn number(instruction: &str) -> u64 {
    instruction.rsplit('/').next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

fn failed(error: anyhow::Error) -> Status {
    Status::internal(error.to_string())
}

impl Agent {
    fn path(&self, instruction: &str, index: u32) -> PathBuf {
        self.folder.join(format!("{}-{index}", number(instruction)))
    }

    fn verify(&self, mandate: &[u8]) -> Result<(), Status> {
        order::verify(&self.key, mandate).map_err(failed)
    }

    /// The walk, from its first row to its signed and durable end.
    fn walk(&self, instruction: String, done: watch::Sender<Vec<Part>>) {
        let (cipher, database) = (Arc::clone(&self.cipher), Arc::clone(&self.database));
        let (store, folder) = (self.store.clone(), self.folder.clone());
        let paths: Vec<PathBuf> = (1..).take(TABLES.len()).map(|index| self.path(&instruction, index)).collect();
        let tasks = tokio::task::spawn_blocking(move || -> Result<()> {
            let runtime = tokio::runtime::Handle::current();
            let export = number(&instruction);
            runtime.block_on(store.moved(export, "running", 0))?;
            let mut parts = Vec::new();
            for (query, path) in TABLES.iter().zip(&paths) {
                let part = {
                    let database = database.lock().unwrap_or_else(PoisonError::into_inner);
                    part(&database, query, &cipher, path)?
                };
                runtime.block_on(store.moved(export, "table", DESCRIPTION))?;
                runtime.block_on(store.moved(export, "part", 300))?;
                parts.push(part);
            }
            for path in &paths {
                File::open(path)?.sync_data()?;
            }
            File::open(&folder)?.sync_all()?;
            runtime.block_on(store.moved(export, "attested", ATTESTATION))?;
            done.send_replace(parts);
            Ok(())
        });
        // Whoever watches sees that nothing comes.
        drop(tasks);
    }
}

fn part(database: &Connection, query: &str, cipher: &LessSafeKey, path: &Path) -> Result<Part> {
    let mut table = csv::Writer::from_writer(Vec::new());
    let rows = encode::encode(database, query, &mut table)?;
    let plain = table.into_inner()?;
    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::new(1));
    deflate.write_all(&plain)?;
    let carried = deflate.finish()?;
    let mut crc = crc32fast::Hasher::new();
    crc.update(&plain);
    let sha = |bytes: &[u8]| digest::digest(&digest::SHA256, bytes).as_ref().to_vec();
    let part = Part {
        rows,
        bytes: plain.len() as u64,
        encoded_bytes: carried.len() as u64,
        crc32: crc.finalize(),
        sha256: sha(&plain),
        encoded_sha256: sha(&carried),
        path: "data/dataset/collection-0001.csv".to_owned(),
        media_type: "text/csv".to_owned(),
        ..Part::default()
    };
    let mut frame = carried;
    crate::raw::receive::seal(cipher, 0, &mut frame)?;
    File::create(path)?.write_all(&frame)?;
    Ok(part)
}

#[tonic::async_trait]
impl SubjectDataService for Agent {
    type ReadPartStream = BoxStream<'static, Result<ReadPartResponse, Status>>;
    type WatchExportStream = BoxStream<'static, Result<WatchExportResponse, Status>>;

    async fn locate(&self, request: Request<LocateRequest>) -> Result<Response<LocateResponse>, Status> {
        let request = request.into_inner();
        self.verify(&request.mandate)?;
        let database = Arc::clone(&self.database);
        let email = request.identifiers.first().map(|identifier| identifier.value.clone()).unwrap_or_default();
        let look = move || {
            let database = database.lock().unwrap_or_else(PoisonError::into_inner);
            let sql = "SELECT id FROM customer WHERE email = ?1 COLLATE NOCASE";
            database.prepare_cached(sql)?.query_row([email], |row| row.get::<_, i64>(0))
        };
        let found = tokio::task::spawn_blocking(look).await.map_err(|error| failed(error.into()))?;
        Ok(Response::new(LocateResponse { outcome: if found.is_ok() { 1 } else { 2 } }))
    }

    async fn start_export(
        &self,
        request: Request<StartExportRequest>,
    ) -> Result<Response<StartExportResponse>, Status> {
        let request = request.into_inner();
        self.verify(&request.mandate)?;
        self.store.moved(number(&request.instruction), "pending", 300).await.map_err(failed)?;
        let (done, finished) = watch::channel(Vec::new());
        self.exports.lock().unwrap_or_else(PoisonError::into_inner).insert(request.instruction.clone(), finished);
        self.walk(request.instruction, done);
        Ok(Response::new(StartExportResponse { generation: 0, state: 1 }))
    }

    async fn watch_export(
        &self,
        request: Request<WatchExportRequest>,
    ) -> Result<Response<Self::WatchExportStream>, Status> {
        let request = request.into_inner();
        self.verify(&request.mandate)?;
        let export = self.exports.lock().unwrap_or_else(PoisonError::into_inner).get(&request.instruction).cloned();
        let mut export = export.ok_or_else(|| Status::not_found("no such export"))?;
        let parts = export.wait_for(|parts| !parts.is_empty()).await.map_err(|error| failed(error.into()))?.clone();
        let mut events = vec![Event::GenerationStarted(GenerationStarted { generation: 1 })];
        for (part, index) in parts.into_iter().zip(1..) {
            events.push(Event::Table(Table { description: "d".repeat(DESCRIPTION), ..Table::default() }));
            events.push(Event::Part(Part { index, generation: 1, ..part }));
        }
        let attestation = order::signed(&self.key, &request.instruction, ATTESTATION);
        events.push(Event::Attested(Attested { attestation, parts: 3 }));
        let events = events.into_iter().map(|event| Ok(WatchExportResponse { event: Some(event) }));
        Ok(Response::new(stream::iter(events).boxed()))
    }

    async fn read_part(&self, request: Request<ReadPartRequest>) -> Result<Response<Self::ReadPartStream>, Status> {
        let request = request.into_inner();
        self.verify(&request.mandate)?;
        let (cipher, path) = (Arc::clone(&self.cipher), self.path(&request.instruction, request.index));
        let read = tokio::task::spawn_blocking(move || object::read(&cipher, &path)).await;
        let data = read.map_err(|error| failed(error.into()))?.map_err(failed)?.into();
        Ok(Response::new(stream::iter([Ok(ReadPartResponse { offset: 0, data })]).boxed()))
    }

    async fn finish_export(
        &self,
        request: Request<FinishExportRequest>,
    ) -> Result<Response<FinishExportResponse>, Status> {
        let request = request.into_inner();
        self.verify(&request.mandate)?;
        self.store.moved(number(&request.instruction), "finished", 0).await.map_err(failed)?;
        self.exports.lock().unwrap_or_else(PoisonError::into_inner).remove(&request.instruction);
        for index in (1..).take(TABLES.len()) {
            let removed = std::fs::remove_file(self.path(&request.instruction, index)).context("a part is gone");
            removed.map_err(failed)?;
        }
        Ok(Response::new(FinishExportResponse {}))
    }

    async fn describe(&self, _: Request<DescribeRequest>) -> Result<Response<DescribeResponse>, Status> {
        Ok(Response::new(DescribeResponse::default()))
    }

    async fn get_attestation(
        &self,
        _: Request<GetAttestationRequest>,
    ) -> Result<Response<GetAttestationResponse>, Status> {
        Ok(Response::new(GetAttestationResponse::default()))
    }
}

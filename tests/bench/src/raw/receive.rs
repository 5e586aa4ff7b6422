//! What a gateway cannot but do with the bytes it carries: receive them over mTLS, inflate them for CRC-32 and SHA-256,
//! encrypt them in 64 KiB frames and write them, with one sync a part. Blocking, one connection, no gRPC.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::digest;
use flate2::{Decompress, FlushDecompress, Status};
use rustls::{ClientConnection, ServerConnection, StreamOwned};

use super::tls;
use crate::child::Took;
use crate::cpu;

const FRAME: usize = 64 * 1024;
const TAG: usize = 16;

/// The parts in a folder, in order.
pub(crate) fn parts_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut parts = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    parts.sort();
    Ok(parts)
}

/// Sends every part, its length before it, to each who connects; says its port.
pub(super) fn send(parts: &Path, certificates: &Path) -> Result<()> {
    let parts = parts_in(parts)?.iter().map(std::fs::read).collect::<Result<Vec<_>, _>>()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{}", listener.local_addr()?.port());
    let config = Arc::new(tls::accepting(certificates)?);
    loop {
        let (tcp, _) = listener.accept()?;
        let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(&config))?, tcp);
        for part in &parts {
            stream.write_all(&(part.len() as u64).to_be_bytes())?;
            stream.write_all(part)?;
        }
        stream.write_all(&0_u64.to_be_bytes())?;
        stream.flush()?;
        // The receiver closes first.
        let _ = stream.read(&mut [0]);
    }
}

/// Receives until a part of length 0.
pub(super) fn run(port: u16, into: &Path, certificates: &Path) -> Result<Took> {
    let tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    let connection = ClientConnection::new(Arc::new(tls::dialling(certificates)?), tls::name()?)?;
    let mut stream = StreamOwned::new(connection, tcp);
    let mut length = [0; 8];
    stream.read_exact(&mut length)?;
    let (cpu, wall) = (cpu::own(), Instant::now());
    let mut took = Took::default();
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).map_err(|_| anyhow::anyhow!("the key"))?);
    let mut buffers = Buffers { incoming: vec![0; FRAME], plain: vec![0; FRAME] };
    while u64::from_be_bytes(length) > 0 {
        took.count += 1;
        let file = File::create(into.join(took.count.to_string()))?;
        took.bytes += part(&mut stream, u64::from_be_bytes(length), &key, file, &mut buffers)?;
        stream.read_exact(&mut length)?;
    }
    (took.cpu, took.wall) = (cpu::own() - cpu, wall.elapsed());
    Ok(took)
}

struct Buffers {
    incoming: Vec<u8>,
    plain: Vec<u8>,
}

/// One part; gives its plain length.
fn part(
    stream: &mut impl Read,
    mut missing: u64,
    key: &LessSafeKey,
    mut file: File,
    buffers: &mut Buffers,
) -> Result<u64> {
    let mut inflate = Decompress::new(false);
    let (mut crc, mut sha) = (crc32fast::Hasher::new(), digest::Context::new(&digest::SHA256));
    let mut frame = Vec::with_capacity(FRAME + TAG);
    let mut number = 0_u64;
    while missing > 0 {
        let most = usize::try_from(missing).unwrap_or(FRAME).min(FRAME - frame.len());
        let came = stream.read(&mut buffers.incoming[..most])?;
        ensure!(came > 0, "the sender is gone");
        missing -= came as u64;
        let carried = &buffers.incoming[..came];
        frame.extend_from_slice(carried);
        let mut rest = carried;
        loop {
            let (before_in, before_out) = (inflate.total_in(), inflate.total_out());
            let status = inflate.decompress(rest, &mut buffers.plain, FlushDecompress::None)?;
            rest = &rest[usize::try_from(inflate.total_in() - before_in)?..];
            let made = usize::try_from(inflate.total_out() - before_out)?;
            crc.update(&buffers.plain[..made]);
            sha.update(&buffers.plain[..made]);
            if status == Status::StreamEnd || (rest.is_empty() && made < FRAME) {
                break;
            }
        }
        if frame.len() == FRAME || missing == 0 {
            seal(key, number, &mut frame)?;
            file.write_all(&frame)?;
            frame.clear();
            number += 1;
        }
    }
    file.sync_data()?;
    std::hint::black_box((crc.finalize(), sha.finish()));
    Ok(inflate.total_out())
}

/// Encrypts a frame in place and appends its tag; its number is the nonce.
pub(super) fn seal(key: &LessSafeKey, number: u64, frame: &mut Vec<u8>) -> Result<()> {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&number.to_be_bytes());
    let nonce = Nonce::assume_unique_for_key(nonce);
    key.seal_in_place_append_tag(nonce, Aad::empty(), frame).ok().context("a frame cannot be sealed")
}

//! A forger: takes an archive apart, changes it, and puts it together again with whatever keys are held. Its ZIP writer is
//! its own, so that what it makes is judged by content.

use aws_lc_rs::digest::{SHA256, digest};
use tributary_model::dsse::{Envelope, payload_type};
use tributary_model::key::SigningKey;

/// One file.
#[derive(Clone)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) method: u16,
    pub(crate) crc32: u32,
    pub(crate) size: u32,
    pub(crate) data: Vec<u8>,
    pub(crate) sha256: String,
}

/// An archive in pieces.
#[derive(Clone)]
pub(crate) struct Forgery {
    folder: String,
    pub(crate) stamp: [u8; 4],
    pub(crate) files: Vec<File>,
}

fn u16_at(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}

impl Forgery {
    /// Takes an archive below 4 GiB apart.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut files = Vec::new();
        let mut at = 0;
        let mut folder = String::new();
        let stamp = bytes[10..14].try_into().unwrap();
        while bytes[at..at + 4] == *b"PK\x03\x04" {
            let name = at + 30..at + 30 + u16_at(bytes, at + 26);
            let data = name.end..name.end + u32_at(bytes, at + 18) as usize;
            let full = String::from_utf8(bytes[name].to_vec()).unwrap();
            let (top, path) = full.split_once('/').unwrap();
            folder = top.to_owned();
            let (method, plain) = match u16_at(bytes, at + 8) {
                8 => (8, inflate(&bytes[data.clone()])),
                _ => (0, bytes[data.clone()].to_vec()),
            };
            files.push(File {
                path: path.to_owned(),
                method,
                crc32: u32_at(bytes, at + 14),
                size: u32_at(bytes, at + 22),
                data: bytes[data.clone()].to_vec(),
                sha256: sha256(&plain),
            });
            at = data.end;
        }
        Self { folder, stamp, files }
    }

    pub(crate) fn get(&self, path: &str) -> &File {
        self.files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("no {path}"))
    }

    pub(crate) fn text(&self, path: &str) -> String {
        String::from_utf8(self.get(path).data.clone()).unwrap()
    }

    /// Puts a stored file in place of the one of its name, or beside the others.
    pub(crate) fn put(&mut self, path: &str, data: impl Into<Vec<u8>>) {
        let data = data.into();
        let file = File {
            path: path.to_owned(),
            method: 0,
            crc32: crc32fast::hash(&data),
            size: data.len() as u32,
            sha256: sha256(&data),
            data,
        };
        self.files.retain(|file| file.path != path);
        self.files.push(file);
        self.files.sort_by(|a, b| a.path.cmp(&b.path));
    }

    pub(crate) fn remove(&mut self, prefix: &str) {
        let before = self.files.len();
        self.files.retain(|file| !file.path.starts_with(prefix));
        assert_ne!(before, self.files.len(), "nothing is below {prefix}");
    }

    /// Replaces `from` by `to` in a text file; it must stand there.
    pub(crate) fn edit(&mut self, path: &str, from: &str, to: &str) {
        let text = self.text(path);
        assert!(text.contains(from), "{path} does not contain {from}:\n{text}");
        self.put(path, text.replace(from, to));
    }

    /// Makes both manifests and the Oxum fit, as anyone can.
    pub(crate) fn refit(&mut self) {
        let payload: Vec<&File> = self.files.iter().filter(|file| file.path.starts_with("data/")).collect();
        let oxum = format!("{}.{}", payload.iter().map(|file| u64::from(file.size)).sum::<u64>(), payload.len());
        let info: Vec<String> =
            self.text("bag-info.txt")
                .lines()
                .map(|line| {
                    if line.starts_with("Payload-Oxum") {
                        format!("Payload-Oxum: {oxum}\n")
                    } else {
                        format!("{line}\n")
                    }
                })
                .collect();
        self.put("bag-info.txt", info.concat());
        let lines = |files: &[File], covers: fn(&str) -> bool| -> String {
            files.iter().filter(|f| covers(&f.path)).map(|f| format!("{}  {}\n", f.sha256, f.path)).collect()
        };
        let manifest = lines(&self.files, |path| path.starts_with("data/"));
        self.put("manifest-sha256.txt", manifest);
        let tagmanifest = lines(&self.files, |path| {
            !path.starts_with("data/") && path != "tagmanifest-sha256.txt" && path != "attestations/gateway.dsse.json"
        });
        self.put("tagmanifest-sha256.txt", tagmanifest);
    }

    /// Makes everything fit and signs it with `gateway`, after changing the statement's text.
    pub(crate) fn resign_with(&mut self, gateway: &SigningKey, change: impl Fn(String) -> String) {
        self.refit();
        let old = Envelope::from_json(&self.get("attestations/gateway.dsse.json").data).unwrap();
        let statement = String::from_utf8(old.unverified_payload().unwrap()).unwrap();
        let start = statement.find("\"sha256\":\"").unwrap() + 10;
        let tagmanifest = &self.get("tagmanifest-sha256.txt").sha256;
        let statement = change(format!("{}{tagmanifest}{}", &statement[..start], &statement[start + 64..]));
        let envelope = Envelope::sign(payload_type::IN_TOTO, statement.as_bytes(), gateway).to_json();
        self.put("attestations/gateway.dsse.json", envelope);
    }

    /// Makes everything fit and signs it with `gateway`.
    pub(crate) fn resign(&mut self, gateway: &SigningKey) {
        self.resign_with(gateway, |statement| statement);
    }

    /// The archive as a ZIP file.
    pub(crate) fn zip(&self) -> Vec<u8> {
        let (mut out, mut directory) = (Vec::new(), Vec::new());
        for file in &self.files {
            let name = format!("{}/{}", self.folder, file.path);
            let mut shared = Vec::new();
            shared.extend_from_slice(&[20, 0, 0, 8]);
            shared.extend_from_slice(&file.method.to_le_bytes());
            shared.extend_from_slice(&self.stamp);
            for word in [file.crc32, file.data.len() as u32, file.size] {
                shared.extend_from_slice(&word.to_le_bytes());
            }
            shared.extend_from_slice(&(name.len() as u16).to_le_bytes());
            shared.extend_from_slice(&[0, 0]);
            directory.extend_from_slice(b"PK\x01\x02\x2d\x03");
            directory.extend_from_slice(&shared);
            directory.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0xa4, 0x81]);
            directory.extend_from_slice(&(out.len() as u32).to_le_bytes());
            directory.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"PK\x03\x04");
            out.extend_from_slice(&shared);
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(&file.data);
        }
        let start = out.len() as u32;
        out.extend_from_slice(&directory);
        out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
        let count = (self.files.len() as u16).to_le_bytes();
        out.extend_from_slice(&count);
        out.extend_from_slice(&count);
        out.extend_from_slice(&(directory.len() as u32).to_le_bytes());
        out.extend_from_slice(&start.to_le_bytes());
        out.extend_from_slice(&[0, 0]);
        out
    }
}

pub(crate) fn inflate(data: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::DeflateDecoder::new(data), &mut plain).unwrap();
    plain
}

//! `ro-crate-metadata.json`: an RO-Crate 1.1 of everything below `data/`, with each entity as a data controller in the
//! words of the W3C Data Privacy Vocabulary. It adds nothing to the other files, and says it in linked data.

mod dpv;
mod process;

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::{Value, json};
use tributary_model::group::PublicGroup;
use tributary_model::id::EntityId;

use crate::completeness::Completeness;
use crate::digest::Sha256Hex;
use crate::information::InformationFile;
use crate::json;
use crate::layout;

const SPECIFICATION: &str = "https://w3id.org/ro/crate/1.1";
/// Most files that are listed one by one. Beyond, each entity's `datapackage.json` is their only list.
const MAX_FILES: usize = 100_000;
const ENTITIES: &str = "entities/";

/// A file below `data/`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PayloadFile<'a> {
    /// Its path within the archive's folder.
    pub(crate) path: &'a str,
    pub(crate) bytes: u64,
    pub(crate) sha256: Sha256Hex,
    pub(crate) media_type: &'a str,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "@context")]
    context: Value,
    #[serde(rename = "@graph")]
    graph: Vec<Node<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Node<'a> {
    Any(Value),
    File(FileNode<'a>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FileNode<'a> {
    #[serde(rename = "@id")]
    id: String,
    #[serde(rename = "@type")]
    kind: &'static str,
    name: &'a str,
    encoding_format: &'a str,
    content_size: String,
    sha256: Sha256Hex,
}

/// A reference to another node.
fn reference(id: impl Into<String>) -> Value {
    json!({ "@id": id.into() })
}

fn organization(entity: &EntityId) -> String {
    format!("#{entity}")
}

/// The one file that follows from the rest of the archive. `files` are all others below `data/`, by path.
pub(crate) fn to_file(
    completeness: &Completeness,
    group: &PublicGroup,
    information: &InformationFile,
    files: &[PayloadFile<'_>],
) -> Vec<u8> {
    let mut graph = vec![Node::Any(json!({
        "@id": "ro-crate-metadata.json",
        "@type": "CreativeWork",
        "conformsTo": reference(SPECIFICATION),
        "about": reference("./"),
    }))];
    let listed = if files.len() <= MAX_FILES { files } else { &[] };
    let folders: BTreeSet<&str> = files.iter().filter_map(|file| entity_of(relative(file))).collect();
    graph.push(root(completeness, group, listed, &folders));
    graph.push(terms());
    for entry in &completeness.entities {
        graph.push(Node::Any(json!({
            "@id": organization(&entry.entity),
            "@type": ["Organization", "dpv:DataController"],
            "name": entry.legal_name,
            "identifier": entry.entity,
            "location": entry.country,
        })));
    }
    let processes = process::nodes(information);
    for folder in folders {
        graph.push(entity_folder(completeness, folder, listed, &processes));
    }
    graph.extend(processes.into_nodes().into_iter().map(Node::Any));
    graph.extend(listed.iter().map(file_node));
    let context = json!([
        "https://w3id.org/ro/crate/1.1/context",
        {
            "dpv": dpv::NAMESPACE,
            "fideslang": "https://ethyca.github.io/fideslang/taxonomy#",
            "sha256": "http://schema.org/sha256",
        },
    ]);
    json::to_file(&Document { context, graph })
}

fn root(
    completeness: &Completeness,
    group: &PublicGroup,
    listed: &[PayloadFile<'_>],
    folders: &BTreeSet<&str>,
) -> Node<'static> {
    let own = listed.iter().map(relative).filter(|path| entity_of(path).is_none()).map(encode);
    let parts = own.chain(folders.iter().map(|folder| encode(&format!("{ENTITIES}{folder}/"))));
    let complete = if completeness.complete { "every entity answered for all it holds" } else { "INCOMPLETE" };
    let description = format!(
        "Personal data of one person held by the entities of {}, handed over by them for case {}, archive {}: {complete}. \
         What is missing, and who said so, stands in completeness.json beside this folder.",
        group.name, completeness.case, completeness.sequence,
    );
    let operator = reference(organization(&group.operator));
    Node::Any(json!({
        "@id": "./",
        "@type": "Dataset",
        "name": format!("Personal data, case {}, archive {}", completeness.case, completeness.sequence),
        "description": description,
        "identifier": completeness.case,
        "datePublished": completeness.assembled_at.to_zoned(TimeZone::UTC).date().to_string(),
        "author": operator,
        "publisher": operator,
        "license": reference("#terms"),
        "hasPart": parts.map(reference).collect::<Vec<_>>(),
    }))
}

/// What RO-Crate asks for as a licence.
fn terms() -> Node<'static> {
    Node::Any(json!({
        "@id": "#terms",
        "@type": "CreativeWork",
        "name": "Copy of personal data for the person concerned",
        "description": "Given to the person whose data these are, under Art. 15 GDPR. Nobody else has a licence.",
    }))
}

fn entity_folder(
    completeness: &Completeness,
    folder: &str,
    listed: &[PayloadFile<'_>],
    processes: &process::Processes,
) -> Node<'static> {
    let entry = completeness.entities.iter().find(|entry| entry.entity.as_str() == folder);
    let name = entry.map_or(folder, |entry| &entry.legal_name);
    // The files are sorted by path, so those of one folder lie together.
    let prefix = format!("{ENTITIES}{folder}/");
    let from = listed.partition_point(|file| relative(file) < prefix.as_str());
    let files = listed[from..].iter().map(relative).take_while(|path| path.starts_with(&prefix));
    let mut node = json!({
        "@id": encode(&prefix),
        "@type": "Dataset",
        "name": name,
        "description": format!("What {name} handed over, described by the datapackage.json in it."),
        "author": reference(format!("#{folder}")),
        "hasPart": files.map(encode).map(reference).collect::<Vec<_>>(),
    });
    let of = processes.of(folder);
    if !of.is_empty() {
        node["dpv:hasProcess"] = of.iter().map(reference).collect();
    }
    Node::Any(node)
}

fn file_node<'a>(file: &PayloadFile<'a>) -> Node<'a> {
    let path = relative(file);
    let name = entity_of(path).map_or(path, |entity| &path[ENTITIES.len() + entity.len() + 1..]);
    Node::File(FileNode {
        id: encode(path),
        kind: "File",
        name,
        encoding_format: file.media_type,
        content_size: file.bytes.to_string(),
        sha256: file.sha256,
    })
}

/// The path below `data/`.
fn relative<'a>(file: &PayloadFile<'a>) -> &'a str {
    file.path.strip_prefix(layout::PAYLOAD).unwrap_or(file.path)
}

/// The entity whose folder a path below `data/` lies in.
fn entity_of(path: &str) -> Option<&str> {
    path.strip_prefix(ENTITIES).and_then(|rest| rest.split_once('/')).map(|(entity, _)| entity)
}

/// A path as a relative URI reference: unreserved characters and slashes stand, everything else is percent-encoded.
fn encode(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(byte.into()),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

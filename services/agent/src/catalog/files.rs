//! Finds and reads manifest files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tributary_model::id::EntityId;
use tributary_model::yaml::{Place, Problem, Problems};

use crate::collect::Sources;

/// Files as (name, text), and by name the entity whose own a file is.
pub(super) type Files = (Vec<(String, String)>, BTreeMap<String, EntityId>);

/// Reads the manifests that all entities share and those that are one's own.
pub(super) fn all(sources: &Sources) -> Result<Files, Problems> {
    let (mut texts, mut owners) = (read(&sources.manifests)?, BTreeMap::new());
    for (entity, paths) in &sources.own {
        let own = read(paths)?;
        owners.extend(own.iter().map(|(file, _)| (file.clone(), entity.clone())));
        texts.extend(own);
    }
    Ok((texts, owners))
}

/// Reads files, and all `.yml` and `.yaml` files of folders, in the order of their names.
fn read(paths: &[PathBuf]) -> Result<Vec<(String, String)>, Problems> {
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    for path in paths {
        match if path.is_dir() { folder(path) } else { Ok(vec![path.clone()]) } {
            Ok(found) => files.extend(found),
            Err(error) => problems.push(problem(path, &error)),
        }
    }
    let mut texts = Vec::new();
    for file in files {
        match std::fs::read_to_string(&file) {
            Ok(text) => texts.push((file.display().to_string(), text)),
            Err(error) => problems.push(problem(&file, &error)),
        }
    }
    if problems.is_empty() { Ok(texts) } else { Err(Problems(problems)) }
}

fn folder(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let file = entry?.path();
        let extension = file.extension().and_then(|e| e.to_str()).unwrap_or_default();
        if file.is_file() && matches!(extension, "yml" | "yaml") {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

fn problem(path: &Path, error: &std::io::Error) -> Problem {
    let message = format!("cannot be read: {error}; check the path under `manifests` and its permissions");
    Problem { file: path.display().to_string(), place: Place { line: 1, column: 1 }, message }
}

//! Writes sample pages into a folder, each with the files that it links to, for looking at and for the tests in Chromium:
//! `cargo run -p tributary-page --example sample_pages -- FOLDER`.

#[path = "samples/mod.rs"]
mod samples;

use std::fs;
use std::io;
use std::path::{Component, Path};

use tributary_page::{Cell, MARK, MARK_PATH, PAGE_PATH, Page, render};

fn main() -> io::Result<()> {
    let Some(folder) = std::env::args_os().nth(1) else {
        return Err(io::Error::other("which folder is to be written? give its path"));
    };
    for (name, page) in samples::all() {
        let folder = Path::new(&folder).join(name);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(PAGE_PATH), render(&page))?;
        fs::write(folder.join(MARK_PATH), MARK)?;
        for name in ["completeness.json", "trust.json", "manifest-sha256.txt"] {
            fs::write(folder.join(name), "{}\n")?;
        }
        for path in paths(&page) {
            write_file(&folder, &path)?;
        }
    }
    Ok(())
}

/// Every file that a page names, relative to it.
fn paths(page: &Page<'_>) -> Vec<String> {
    let mut paths = Vec::new();
    for entity in &page.entities {
        let files = entity.collections.iter().flat_map(|collection| &collection.files);
        let files = files.chain(&entity.attachments.files).map(|file| file.path.to_string());
        let cells = entity.collections.iter().flat_map(|collection| &collection.rows).flatten();
        let cells = cells.filter_map(|cell| match cell {
            Cell::File { path } => Some((*path).to_owned()),
            _ => None,
        });
        paths.extend(files.chain(cells).map(|path| format!("{}{path}", entity.folder)));
    }
    paths
}

/// Hostile samples name files outside of the folder; those are not written.
fn write_file(folder: &Path, path: &str) -> io::Result<()> {
    let path = Path::new(path);
    let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
    if !inside || path.as_os_str().len() > 200 {
        return Ok(());
    }
    let file = folder.join(path);
    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(file, "sample\n")
}

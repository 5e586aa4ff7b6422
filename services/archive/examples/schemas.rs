//! Writes the JSON Schemas of the archive's own files as they are committed:
//! `cargo run -p tributary-archive --example schemas -- services/archive/schema`.

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: schemas FOLDER")?;
    for (name, schema) in tributary_archive::schema::all() {
        let text = tributary_archive::schema::to_file(&schema)?;
        std::fs::write(Path::new(&folder).join(format!("{name}.schema.json")), text)?;
    }
    Ok(())
}

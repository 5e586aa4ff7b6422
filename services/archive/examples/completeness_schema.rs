//! Prints the JSON Schema of `completeness.json`, as it is committed under `schema/`:
//! `cargo run -p tributary-archive --example completeness_schema > services/archive/schema/completeness.schema.json`.

fn main() -> Result<(), serde_json::Error> {
    println!("{}", serde_json::to_string_pretty(&tributary_archive::completeness::json_schema())?);
    Ok(())
}

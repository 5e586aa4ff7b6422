//! The README shows the lifecycle as it is.

use tributary_model::lifecycle::{case_diagram, task_diagram};

#[test]
fn the_diagrams_in_the_readme_are_printed_from_the_tables() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    for diagram in [case_diagram(), task_diagram()] {
        let advice = "print them with `cargo run -p tributary-model --example diagrams`";
        assert!(readme.contains(&diagram), "the README lacks this diagram; {advice}\n{diagram}");
    }
}

//! Prints the lifecycle diagrams for the documentation: `cargo run -p tributary-model --example diagrams`.

use tributary_model::lifecycle::{case_diagram, task_diagram};

fn main() {
    println!("{}\n{}", case_diagram(), task_diagram());
}

//! Prints how long it takes to render the sample with four megabytes of previews and the one with a thousand entities:
//! `cargo run --release -p tributary-page --example render_time`.

#[path = "samples/mod.rs"]
mod samples;

use std::time::Instant;

use tributary_page::render;

fn main() {
    for (name, page) in samples::all() {
        if !["megabytes", "entities-1000"].contains(&name) {
            continue;
        }
        // The first one also reads the tables of names.
        let mut best = None;
        let mut bytes = 0;
        for _ in 0..20 {
            let start = Instant::now();
            bytes = render(&page).len();
            let taken = start.elapsed();
            best = Some(best.map_or(taken, |best| taken.min(best)));
        }
        println!("{name}: {bytes} bytes of page, best of 20: {:?}", best.unwrap_or_default());
    }
}

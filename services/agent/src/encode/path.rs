//! Where a collection's parts lie in the entity's folder: below its dataset, under its own name, whatever that name is.
//!
//! A name that is too long is cut and ends in `~` and 16 hex digits of the SHA-256 of dataset and name; so do names that
//! a system without case would take for one. What Windows refuses `PartPath` escapes. Hidden names are never seen here.

use std::collections::HashMap;

use tributary_archive::digest::Sha256Hex;
use tributary_archive::part::PartPath;

use crate::graph::{Graph, NodeId};

/// Longest name of a dataset or collection in a path, in bytes as it is written there. Two of them, the longest suffix
/// and a file's name stay below what a path may have.
const MAX_NAME: usize = 80;
/// Digits of a digest that tell names apart.
const DIGITS: usize = 16;

/// The paths of all collections, worked out once: a person may have any number of files.
pub(super) struct Paths(Vec<[String; 2]>);

impl Paths {
    pub(super) fn of(graph: &Graph) -> Self {
        let names = (0..graph.nodes().len()).map(|node| {
            let (dataset, collection) = (graph.dataset(node).shown.as_str(), graph.collection(node).shown.as_str());
            (dataset, collection)
        });
        Self::new(&names.collect::<Vec<_>>())
    }

    fn new(names: &[(&str, &str)]) -> Self {
        let mut bases: Vec<[String; 2]> = names
            .iter()
            .map(|&(dataset, collection)| [short(dataset, &[dataset]), short(collection, &[dataset, collection])])
            .collect();
        let mut alike: HashMap<String, usize> = HashMap::new();
        for base in &bases {
            *alike.entry(folded(base)).or_default() += 1;
        }
        for (base, &(dataset, collection)) in bases.iter_mut().zip(names) {
            if alike.get(&folded(base)).is_some_and(|&count| count > 1) {
                base[1] = marked(collection, &[dataset, collection]);
            }
        }
        Self(bases)
    }

    /// The table part of a collection, numbered from 1.
    pub(super) fn table(&self, node: NodeId, number: u32, extension: &str) -> PartPath {
        let [dataset, collection] = &self.0[node];
        PartPath::encode(&[dataset.as_str(), &format!("{collection}-{number:04}.{extension}")])
    }

    /// A file of a collection. Numbered, not named after its row: the key of a row is personal data, and paths stand in
    /// lists.
    pub(super) fn file(&self, node: NodeId, number: u32, extension: &str) -> PartPath {
        let [dataset, collection] = &self.0[node];
        PartPath::encode(&[dataset.as_str(), &format!("{collection}-files"), &format!("{number:06}.{extension}")])
    }
}

/// What a system without case makes of a collection's paths. With what follows the name, since `CON` alone is another
/// name to Windows than the beginning of a longer one.
fn folded([dataset, collection]: &[String; 2]) -> String {
    PartPath::encode(&[dataset.as_str(), &format!("{collection}-")]).folded()
}

/// The name, or its beginning with a mark that no other name has.
fn short(name: &str, whole: &[&str]) -> String {
    if written(name) <= MAX_NAME { name.to_owned() } else { marked(name, whole) }
}

fn marked(name: &str, whole: &[&str]) -> String {
    let digest = Sha256Hex::of(whole.join("\n").as_bytes()).to_string();
    let mut end = name.len();
    while written(&name[..end]) > MAX_NAME - DIGITS - 1 {
        end = name.floor_char_boundary(end.saturating_sub(1));
    }
    format!("{}~{}", &name[..end], &digest[..DIGITS])
}

/// Bytes of a name as a path has it.
fn written(name: &str) -> usize {
    // One that is longer than any path is cut by the encoding, so its length is told apart first.
    if name.len() > 2 * MAX_NAME { name.len() } else { PartPath::encode(&[name]).as_str().len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(names: &[(&str, &str)]) -> Vec<PartPath> {
        let paths = Paths::new(names);
        (0..names.len())
            .flat_map(|node| {
                [paths.table(node, 1, "csv"), paths.table(node, 12_345, "ndjson"), paths.file(node, 4_000_000, "bin")]
            })
            .collect()
    }

    #[test]
    fn every_name_becomes_a_path_that_every_system_can_hold_beside_the_others() {
        let long =
            ["x".repeat(300), format!("{}y", "x".repeat(299)), "é".repeat(150), "=:".repeat(200), " .".repeat(60)];
        let mut names: Vec<(&str, &str)> = [
            "CON",
            "con",
            "nul.",
            "a:b",
            "a=3Ab",
            "A:B",
            "..",
            "",
            "visit",
            "VISIT",
            "straße",
            "strasse",
            "visit-0001",
            "visit-files",
            "a/b",
            "../../etc",
        ]
        .into_iter()
        .map(|name| ("crm", name))
        .collect();
        names.extend(long.iter().map(|name| ("crm", name.as_str())));
        let dataset = "d".repeat(200);
        names.extend([("CRM", "visit"), ("aux", "visit"), ("Aux", "visit"), (dataset.as_str(), long[0].as_str())]);
        let paths = all(&names);
        let mut seen = std::collections::HashSet::new();
        for path in &paths {
            assert_eq!(path.as_str().parse::<PartPath>().as_ref(), Ok(path));
            assert!(path.as_str().len() <= 200, "{path}");
            assert!(seen.insert(path.folded()), "{path} collides");
        }
        assert_eq!(paths, all(&names), "the same names give the same paths");
    }

    #[test]
    fn an_ordinary_name_stands_as_it_is_and_a_long_one_keeps_its_number() {
        let long = "x".repeat(300);
        let paths = Paths::new(&[("crm", "customer"), ("crm", &long)]);
        assert_eq!(paths.table(0, 1, "csv").as_str(), "crm/customer-0001.csv");
        assert_eq!(paths.file(0, 7, "txt").as_str(), "crm/customer-files/000007.txt");
        let cut = paths.table(1, 2, "csv");
        assert!(cut.as_str().starts_with("crm/xxx") && cut.as_str().ends_with("-0002.csv"), "{cut}");
    }
}

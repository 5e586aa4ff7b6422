//! Checks manifests together: unique keys, references that lead somewhere, orders without a cycle.

use std::collections::HashMap;

use super::{After, At, Collection, Dataset, Field, FieldRef, Manifests, Reference, foreign_key};
use crate::id::FidesKey;
use crate::yaml::Problem;

/// Everything wrong across the files, in file order.
pub(super) fn check(manifests: &Manifests) -> Vec<Problem> {
    let mut found = Vec::new();
    unique(manifests.datasets.iter().map(|d| (d.key.as_str(), &d.at)), "the dataset", &mut found);
    unique(manifests.systems.iter().map(|s| (s.key.as_str(), &s.at)), "the system", &mut found);
    for (d, dataset) in manifests.datasets.iter().enumerate() {
        for key in &dataset.after {
            if manifests.dataset(key).is_none() {
                found.push(problem(
                    &dataset.at,
                    format!("`after` names the dataset `{key}`, which no manifest declares"),
                ));
            }
        }
        let searched = |(_, c): &(usize, &Collection)| !c.skip && c.people.manual.is_none();
        for (c, collection) in dataset.collections.iter().enumerate().filter(searched) {
            fields(manifests, dataset, collection, &collection.fields, &mut found);
            found.extend(foreign_key::problems(manifests, d, c));
        }
    }
    dataset_order(manifests, &mut found);
    collection_order(manifests, "after", |collection| &collection.after, &mut found);
    collection_order(manifests, "erase_after", |collection| &collection.erase_after, &mut found);
    found.sort();
    found.dedup();
    found
}

fn problem(at: &At, message: String) -> Problem {
    Problem { file: at.file.to_string(), place: at.place, message }
}

fn unique<'i>(keys: impl Iterator<Item = (&'i str, &'i At)>, what: &str, found: &mut Vec<Problem>) {
    let mut seen: HashMap<&str, &At> = HashMap::new();
    for (key, at) in keys {
        if let Some(first) = seen.insert(key, at) {
            found.push(problem(at, format!("{what} `{key}` is declared a second time; the first is at {first}")));
        }
    }
}

fn fields(manifests: &Manifests, dataset: &Dataset, collection: &Collection, of: &[Field], found: &mut Vec<Problem>) {
    for field in of {
        for reference in &field.references {
            if let Err(why) = resolve(manifests, reference) {
                let from = format!("{}.{}.{}", dataset.key, collection.name, field.name);
                let to = format!("{}.{}", reference.dataset, reference.field);
                found.push(problem(&reference.at, format!("{from} references {to}: {why}")));
            }
        }
        fields(manifests, dataset, collection, &field.fields, found);
    }
}

/// Finds what a reference names, or says why not.
pub(super) fn resolve(manifests: &Manifests, reference: &Reference) -> Result<FieldRef, String> {
    let dataset = manifests.datasets.iter().position(|dataset| dataset.key == reference.dataset);
    let dataset = dataset.ok_or_else(|| format!("no manifest declares the dataset `{}`", reference.dataset))?;
    let collections = &manifests.datasets[dataset].collections;
    // Names may contain dots, so the collection is the longest declared name that fits.
    let named =
        |c: &Collection| reference.field.strip_prefix(c.name.as_str()).is_some_and(|rest| rest.starts_with('.'));
    let fitting = collections.iter().enumerate().filter(|(_, c)| named(c));
    let Some((collection, found)) = fitting.max_by_key(|(_, c)| c.name.len()) else {
        return Err(format!("the dataset has no collection that `{}` starts with", reference.field));
    };
    if found.skip {
        return Err(format!("the collection `{}` has skip_processing, so nothing may reference it", found.name));
    }
    if found.people.manual.is_some() {
        return Err(format!("the collection `{}` is searched by hand, so nothing may reference it", found.name));
    }
    let rest = &reference.field[found.name.len() + 1..];
    let path = path(&found.fields, rest).ok_or_else(|| format!("the collection has no field `{rest}`"))?;
    Ok(FieldRef { dataset, collection, path })
}

fn path(fields: &[Field], rest: &str) -> Option<Vec<usize>> {
    if let Some(index) = fields.iter().position(|field| field.name == rest) {
        return Some(vec![index]);
    }
    fields.iter().enumerate().find_map(|(index, field)| {
        let deeper = path(&field.fields, rest.strip_prefix(field.name.as_str())?.strip_prefix('.')?)?;
        Some(std::iter::once(index).chain(deeper).collect())
    })
}

fn dataset_order(manifests: &Manifests, found: &mut Vec<Problem>) {
    let position = |key: &FidesKey| manifests.datasets.iter().position(|dataset| dataset.key == *key);
    let edges: Vec<Vec<usize>> =
        manifests.datasets.iter().map(|dataset| dataset.after.iter().filter_map(position).collect()).collect();
    if let Some(index) = on_a_cycle(&edges) {
        let dataset = &manifests.datasets[index];
        found.push(problem(
            &dataset.at,
            format!("the dataset `{}` comes after itself: `after` has a cycle", dataset.key),
        ));
    }
}

fn collection_order(
    manifests: &Manifests,
    what: &str,
    list: impl Fn(&Collection) -> &Vec<After>,
    found: &mut Vec<Problem>,
) {
    let all: Vec<(usize, usize)> = manifests
        .datasets
        .iter()
        .enumerate()
        .flat_map(|(d, dataset)| (0..dataset.collections.len()).map(move |c| (d, c)))
        .collect();
    let numbers: HashMap<(usize, usize), usize> = all.iter().copied().zip(0..).collect();
    let mut edges = Vec::with_capacity(all.len());
    for &(d, c) in &all {
        let mut before = Vec::new();
        for after in list(&manifests.datasets[d].collections[c]) {
            match manifests.collection(&after.name) {
                Some(key) => before.extend(numbers.get(&key)),
                None => {
                    let message =
                        format!("`{what}` names `{}`, which is no dataset.collection of any manifest", after.name);
                    found.push(problem(&after.at, message));
                }
            }
        }
        edges.push(before);
    }
    if let Some(index) = on_a_cycle(&edges) {
        let (d, c) = all[index];
        let (dataset, collection) = (&manifests.datasets[d], &manifests.datasets[d].collections[c]);
        let name = format!("{}.{}", dataset.key, collection.name);
        found
            .push(problem(&collection.at, format!("the collection `{name}` comes after itself: `{what}` has a cycle")));
    }
}

/// A node that can reach itself, if there is one: what is left when nodes without predecessors are taken away.
fn on_a_cycle(before: &[Vec<usize>]) -> Option<usize> {
    let mut placed = vec![false; before.len()];
    loop {
        let next = (0..before.len()).find(|&n| !placed[n] && before[n].iter().all(|&b| placed[b]));
        match next {
            Some(n) => placed[n] = true,
            None => return placed.iter().position(|placed| !placed),
        }
    }
}

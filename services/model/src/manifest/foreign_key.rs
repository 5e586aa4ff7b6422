//! References as keys: which fields of a collection refer to another one together, to be matched as a whole. Matched one
//! by one, a shared part of a key (a tenant, a year) would find other people's rows.
//!
//! `tributary: {foreign_key: …}` on the references says it. Where it does not, fields that refer to all fields of the other's
//! primary key are taken together, if there is one way to do so. Fields that refer to other fields of it may be one key or
//! several: taken together they would miss rows, and one by one find other people's, so such a manifest is refused.

use std::collections::BTreeSet;

use super::{At, Direction, Field, FieldOthers, FieldRef, Manifests, Reference, Role, check};
use crate::yaml::Problem;

/// What to write where nothing says which references belong together.
const REMEDY: &str = "give the references that form one key the same `tributary: { foreign_key: NAME }`, and one that \
refers by itself a name of its own";

/// References that are matched as a whole; often a single one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// The collection referred to: indexes of its dataset and of it.
    pub to: (usize, usize),
    /// Which way values go.
    pub direction: Option<Direction>,
    /// The fields, in file order; no two refer to one field.
    pub parts: Vec<KeyPart>,
    /// Where its first reference is declared.
    pub at: At,
}

/// One field that refers to one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPart {
    /// The way down to the field that refers, as indexes.
    pub from: Vec<usize>,
    /// The way down to the field referred to, as indexes.
    pub to: Vec<usize>,
    /// What is said of other people in the field that refers.
    pub others: FieldOthers,
}

impl ForeignKey {
    /// Whether it refers to someone whom the row is not about. One part of a key says it for all.
    pub fn is_about_someone_else(&self) -> bool {
        self.parts.iter().any(KeyPart::is_about_someone_else)
    }

    /// What whoever is referred to has to do with the row. One part of a key says it for all: a tenant is no role.
    pub fn role(&self) -> Role {
        let actor = self.parts.iter().any(|part| part.others.role == Role::Actor);
        if actor { Role::Actor } else { Role::Subject }
    }
}

impl KeyPart {
    fn is_about_someone_else(&self) -> bool {
        self.others.third_party == Some(true) && self.others.role == Role::Subject
    }
}

impl Manifests {
    /// The references of a collection as keys, in file order; those that [`Manifests::from_yaml`] refuses are left out.
    pub fn foreign_keys(&self, dataset: usize, collection: usize) -> Vec<ForeignKey> {
        Keys::of(self, dataset, collection).0
    }
}

/// Everything wrong about which references of a collection belong together.
pub(super) fn problems(manifests: &Manifests, dataset: usize, collection: usize) -> Vec<Problem> {
    Keys::of(manifests, dataset, collection).1
}

/// A reference that leads somewhere.
struct Link<'m> {
    from: Vec<usize>,
    field: &'m Field,
    /// Its name with those it lies within.
    label: String,
    /// Whether a value within JSON is on either side: no part of a key of columns.
    within: bool,
    to: FieldRef,
    reference: &'m Reference,
}

struct Keys<'m> {
    manifests: &'m Manifests,
    /// The collection that refers, as `dataset.collection`.
    name: String,
    keys: Vec<ForeignKey>,
    problems: Vec<Problem>,
}

impl<'m> Keys<'m> {
    fn of(manifests: &'m Manifests, dataset: usize, collection: usize) -> (Vec<ForeignKey>, Vec<Problem>) {
        let (of, holder) = (&manifests.datasets[dataset], &manifests.datasets[dataset].collections[collection]);
        let mut links = Vec::new();
        gather(manifests, &holder.fields, &mut (Vec::new(), Vec::new(), false), &mut links);
        let name = format!("{}.{}", of.key, holder.name);
        let mut keys = Self { manifests, name, keys: Vec::new(), problems: Vec::new() };
        let mut names: Vec<&str> = Vec::new();
        let mut targets: Vec<(usize, usize)> = Vec::new();
        for link in &links {
            match &link.reference.foreign_key {
                Some(name) if !names.contains(&name.as_str()) => names.push(name),
                None if !targets.contains(&link.target()) => targets.push(link.target()),
                _ => {}
            }
        }
        for name in names {
            let named = |link: &&Link<'m>| link.reference.foreign_key.as_deref() == Some(name);
            keys.named(name, &links.iter().filter(named).collect::<Vec<_>>());
        }
        for target in targets {
            let unnamed = |link: &&Link<'m>| link.reference.foreign_key.is_none() && link.target() == target;
            keys.unnamed(links.iter().filter(unnamed).collect());
        }
        keys.keys.sort_by(|a, b| a.parts[0].from.cmp(&b.parts[0].from));
        (keys.keys, keys.problems)
    }

    /// References that are said to be one key.
    fn named(&mut self, name: &str, links: &[&Link<'m>]) {
        let Some(first) = links.first() else { return };
        if let Some(other) = links.iter().find(|link| link.target() != first.target()) {
            let (one, two) = (self.collection(first), self.collection(other));
            let what = format!("the foreign key `{name}` leads to {one} and to {two}: give each a name of its own");
            return self.problem(other, what);
        }
        if let Some(within) = links.iter().find(|link| link.within && links.iter().any(|other| !other.is_as(link))) {
            let what = format!(
                "the foreign key `{name}`: values within JSON are no parts of a key, as which of them stand together is not known"
            );
            return self.problem(within, what);
        }
        let ways = ways(links);
        if let Some(other) = links.iter().find(|link| !same_parts(&ways, link)) {
            let what = format!(
                "the foreign key `{name}`: its references have not all the same directions; give each part of it the same"
            );
            return self.problem(other, what);
        }
        for (direction, parts) in ways {
            if let Some(twice) = twice(&parts) {
                let to = &twice.reference.field;
                let what = format!(
                    "the foreign key `{name}` refers to {to} by two fields; give each key that leads there a name of its own"
                );
                return self.problem(twice, what);
            }
            self.add(direction, &parts);
        }
    }

    /// References of which nothing says whether they belong together, all to one collection.
    fn unnamed(&mut self, links: Vec<&Link<'m>>) {
        let (alone, links): (Vec<_>, Vec<_>) = links.into_iter().partition(|link| link.within);
        for link in alone {
            self.add(link.reference.direction, &[link]);
        }
        let to: BTreeSet<&Vec<usize>> = links.iter().map(|link| &link.to.path).collect();
        let from: BTreeSet<&Vec<usize>> = links.iter().map(|link| &link.from).collect();
        let ways = ways(&links);
        // Two fields that refer to one (sender and recipient), or one that refers to two, are references by themselves.
        if to.len() < 2 || from.len() < 2 {
            for (direction, links) in ways {
                links.iter().for_each(|link| self.add(direction, &[link]));
            }
            return;
        }
        let key: BTreeSet<Vec<usize>> = self.primary_key(links[0].target());
        let one_way = to.into_iter().cloned().collect::<BTreeSet<_>>() == key
            && links.iter().all(|link| same_parts(&ways, link))
            && ways.iter().all(|(_, parts)| twice(parts).is_none() && parts.len() == from.len());
        if !one_way {
            let what = self.several_ways(&links);
            return self.problem(links[0], what);
        }
        for (direction, parts) in ways {
            self.add(direction, &parts);
        }
    }

    fn several_ways(&self, links: &[&Link<'m>]) -> String {
        let mut to: Vec<&str> = Vec::new();
        for link in links {
            if !to.contains(&link.reference.field.as_str()) {
                to.push(&link.reference.field);
            }
        }
        let by = |to: &&str| {
            let mut fields: Vec<String> = Vec::new();
            for link in links.iter().filter(|link| link.reference.field == **to) {
                let field = format!("`{}`", link.label);
                if !fields.contains(&field) {
                    fields.push(field);
                }
            }
            format!("{} to {to}", fields.join(", "))
        };
        let fields = to.iter().map(by).collect::<Vec<_>>().join("; ");
        let (holder, other) = (&self.name, self.collection(links[0]));
        format!(
            "{holder} refers to several fields of {other}, and nothing says which of these form one key: {fields}; {REMEDY}"
        )
    }

    fn primary_key(&self, (dataset, collection): (usize, usize)) -> BTreeSet<Vec<usize>> {
        let fields = self.manifests.datasets[dataset].collections[collection].fields.iter().enumerate();
        fields.filter(|(_, field)| field.primary_key).map(|(index, _)| vec![index]).collect()
    }

    fn collection(&self, link: &Link<'_>) -> String {
        let dataset = &self.manifests.datasets[link.to.dataset];
        format!("{}.{}", dataset.key, dataset.collections[link.to.collection].name)
    }

    fn problem(&mut self, link: &Link<'_>, message: String) {
        let At { file, place } = &link.reference.at;
        self.problems.push(Problem { file: file.to_string(), place: *place, message });
    }

    fn add(&mut self, direction: Option<Direction>, links: &[&Link<'m>]) {
        let Some(first) = links.first() else { return };
        let part =
            |link: &&Link<'_>| KeyPart { from: link.from.clone(), to: link.to.path.clone(), others: link.field.others };
        let parts = links.iter().map(part).collect();
        self.keys.push(ForeignKey { to: first.target(), direction, parts, at: first.reference.at.clone() });
    }
}

impl Link<'_> {
    fn target(&self) -> (usize, usize) {
        (self.to.dataset, self.to.collection)
    }

    fn is_as(&self, other: &Link<'_>) -> bool {
        self.from == other.from && self.to == other.to
    }
}

/// The references by direction, each once.
fn ways<'l, 'm>(links: &[&'l Link<'m>]) -> Vec<(Option<Direction>, Vec<&'l Link<'m>>)> {
    let mut ways: Vec<(Option<Direction>, Vec<&'l Link<'m>>)> = Vec::new();
    for &link in links {
        match ways.iter_mut().find(|(direction, _)| *direction == link.reference.direction) {
            Some((_, known)) if known.iter().any(|other| other.is_as(link)) => {}
            Some((_, known)) => known.push(link),
            None => ways.push((link.reference.direction, vec![link])),
        }
    }
    ways
}

/// Whether a reference is declared for each direction that another of them has.
fn same_parts(ways: &[(Option<Direction>, Vec<&Link<'_>>)], link: &Link<'_>) -> bool {
    ways.iter().all(|(_, parts)| parts.iter().any(|part| part.is_as(link)))
}

/// A reference to a field to which another one refers, too.
fn twice<'l, 'm>(links: &[&'l Link<'m>]) -> Option<&'l Link<'m>> {
    let mut seen = BTreeSet::new();
    links.iter().find(|link| !seen.insert(&link.to.path)).copied()
}

/// Goes through fields and those within them. `place` is the way down, the names on it, and whether it leads into JSON.
fn gather<'m>(
    manifests: &'m Manifests,
    fields: &'m [Field],
    place: &mut (Vec<usize>, Vec<&'m str>, bool),
    into: &mut Vec<Link<'m>>,
) {
    for (index, field) in fields.iter().enumerate() {
        let within = place.2;
        place.0.push(index);
        place.1.push(&field.name);
        place.2 |= field.is_structured();
        for reference in &field.references {
            let Ok(to) = check::resolve(manifests, reference) else { continue };
            let other = &manifests.datasets[to.dataset].collections[to.collection];
            let within = place.2 || to.path.len() > 1 || other.fields[to.path[0]].is_structured();
            let (from, label) = (place.0.clone(), place.1.join("."));
            into.push(Link { from, field, label, within, to, reference });
        }
        gather(manifests, &field.fields, place, into);
        place.0.pop();
        place.1.pop();
        place.2 = within;
    }
}

#[cfg(test)]
mod tests;

//! Rules about other people's data that do something else than they say: they can never apply, or they hide from the
//! person what is the person's own key, identifier or way to their rows.
//!
//! Neighbour: `redact`, which follows the rules as they stand.

use tributary_archive::redaction::RedactionReason;
use tributary_model::manifest::{ActorRows, At, Collection, Field, FreeText, Role};

use super::finding::{Code, Findings};
use crate::graph::{Graph, NodeId};
use crate::redact::Rules;

/// What is to be said of all collections' rules.
pub(super) fn of_rules(graph: &Graph, findings: &mut Findings) {
    for node in 0..graph.nodes().len() {
        let (collection, name) = (graph.collection(node), graph.name(node));
        let mut idle = |at: &At, what: String| findings.add(Code::RuleWithoutEffect, at, &name, what);
        without_effect(graph, node, collection, &mut idle);
        let Some(rules) = Rules::of(graph, node) else { continue };
        let mut hides = |at: &At, what: String| findings.add(Code::RuleHidesKey, at, &name, what);
        keys(graph, node, &rules, &mut hides);
        identities(graph, node, &rules, &mut hides);
        references(graph, node, &rules, &mut hides);
    }
    for dataset in &graph.manifests().datasets {
        let unread = |c: &&Collection| c.skip || c.people.manual.is_some();
        for collection in dataset.collections.iter().filter(unread) {
            let why = if collection.skip { "`skip_processing` says that it is not read" } else { "people search it" };
            let name = format!("{}.{}", dataset.key, collection.name);
            for (at, rule) in rules_of(collection) {
                findings.add(Code::RuleWithoutEffect, at, &name, format!("{rule}: {why}"));
            }
        }
    }
}

/// Every rule that a collection declares, with its place.
fn rules_of(collection: &Collection) -> Vec<(&At, String)> {
    let mut all = Vec::new();
    if collection.others.shared {
        all.push((&collection.at, "`shared`".to_owned()));
    }
    if collection.others.actor_rows == ActorRows::Omit {
        all.push((&collection.at, "`actor_rows: omit`".to_owned()));
    }
    each_field(&collection.fields, &mut |field| {
        let others = field.others;
        let rules = [
            (others.third_party == Some(true), "third_party"),
            (others.free_text != FreeText::Release, "free_text"),
            (others.role == Role::Actor, "role: actor"),
            (others.about == Role::Actor, "about: actor"),
        ];
        let declared = rules.into_iter().filter(|(declared, _)| *declared);
        all.extend(declared.map(|(_, rule)| (&field.at, format!("`{rule}` on `{}`", field.name))));
    });
    all
}

fn without_effect(graph: &Graph, node: NodeId, collection: &Collection, idle: &mut dyn FnMut(&At, String)) {
    let known = &graph.nodes()[node];
    let mut joins = graph.joins().iter();
    let acted_on = !known.actors.is_empty() || joins.any(|join| join.holder == node && join.role == Role::Actor);
    if collection.others.actor_rows == ActorRows::Omit && !acted_on {
        idle(&collection.at, "`actor_rows: omit`: no field says `role: actor`, so nobody acts on its rows".to_owned());
    }
    let people = |column: usize| crate::redact::refers_to_people(graph, node, column);
    let alone = !graph.joins().iter().any(|join| join.referenced == node)
        && known.identities.is_empty()
        && !(0..collection.fields.len()).any(people);
    if collection.others.shared && alone {
        let why = "nothing refers to its rows, and no field of theirs names anybody";
        idle(&collection.at, format!("`shared`: {why}"));
    }
    each_field(&collection.fields, &mut |field| {
        if field.others.about == Role::Actor && !acted_on {
            let why = "no field says `role: actor`, so nobody acts on its rows";
            idle(&field.at, format!("`about: actor` on `{}`: {why}", field.name));
        }
        if field.others.third_party == Some(true) && field.others.free_text != FreeText::Release {
            idle(&field.at, format!("`free_text` on `{}`: `third_party` hides it already", field.name));
        }
    });
}

/// Keys that the person does not see: they cannot name a row of theirs.
fn keys(graph: &Graph, node: NodeId, rules: &Rules, hides: &mut dyn FnMut(&At, String)) {
    let (collection, key) = (graph.collection(node), &graph.nodes()[node].primary_key);
    // Of a shared row it is as meant that a part of its key names others; the rest of it still names the row.
    let all_shared = key.iter().all(|&column| rules.hides(column) == Some(RedactionReason::Shared));
    for &column in key {
        let field = &collection.fields[column];
        match rules.hides(column) {
            None => {}
            Some(RedactionReason::Shared) if !all_shared => {}
            Some(reason) => hides(&field.at, format!("primary key `{}`, by {}", field.name, rule(reason))),
        }
    }
}

/// Identifiers of the person that are hidden as a text or together with a field about someone else.
fn identities(graph: &Graph, node: NodeId, rules: &Rules, hides: &mut dyn FnMut(&At, String)) {
    let collection = graph.collection(node);
    for (kind, path) in &graph.nodes()[node].identities {
        let column = &collection.fields[path.column];
        // A shared one is shown to whom it names.
        if let Some(reason @ (RedactionReason::ThirdParty | RedactionReason::FreeText)) = rules.hides(path.column) {
            let names: Vec<&str> = std::iter::once(&column.name).chain(&path.sub).map(String::as_str).collect();
            let with = if path.sub.is_empty() { String::new() } else { format!(" with all of `{}`", column.name) };
            hides(&column.at, format!("identity {kind} in `{}`{with}, by {}", names.join("."), rule(reason)));
        }
    }
}

/// References to what is not someone else, which are hidden or lead nowhere.
fn references(graph: &Graph, node: NodeId, rules: &Rules, hides: &mut dyn FnMut(&At, String)) {
    let collection = graph.collection(node);
    for (column, field) in collection.fields.iter().enumerate() {
        let leads = |join: &&crate::graph::Join| {
            join.holder == node && join.holder_fields.iter().any(|path| path.column == column)
        };
        if let (Some(join), Some(reason @ (RedactionReason::ThirdParty | RedactionReason::FreeText))) =
            (graph.joins().iter().find(leads), rules.hides(column))
            && join.role == Role::Subject
        {
            let (name, to) = (&field.name, graph.name(join.referenced));
            hides(&field.at, format!("reference `{name}` to `{to}`, by {}", rule(reason)));
        }
    }
    each_field(&collection.fields, &mut |field| {
        let about_someone = field.others.third_party == Some(true) && field.others.role == Role::Subject;
        for reference in field.references.iter().filter(|_| about_someone) {
            let Some(target) = graph.manifests().resolve(reference) else { continue };
            let nodes = graph.nodes().iter();
            let mut found =
                nodes.zip(0..).filter(|(n, _)| (n.dataset, n.collection) == (target.dataset, target.collection));
            if let Some((known, referenced)) = found.next()
                && !known.register
            {
                let (name, to) = (&field.name, graph.name(referenced));
                let why = "its rows are no people, and nothing is found through it";
                hides(&field.at, format!("reference `{name}` to `{to}`, by `third_party`: {why}"));
            }
        }
    });
}

fn rule(reason: RedactionReason) -> &'static str {
    match reason {
        RedactionReason::ThirdParty => "`third_party`",
        RedactionReason::Shared => "`shared`",
        RedactionReason::FreeText => "`free_text: redact`",
        RedactionReason::Actor => "`role: actor`",
    }
}

fn each_field<'f>(fields: &'f [Field], visit: &mut dyn FnMut(&'f Field)) {
    for field in fields {
        visit(field);
        each_field(&field.fields, visit);
    }
}

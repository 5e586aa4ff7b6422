//! The form of a collection's tables, for whoever reads them: types, keys and references for machines, labels for people.

use tributary_archive::table::{Code, Field, FieldKind, ForeignKey, Labels, Table};
use tributary_model::language::{Language, Texts};
use tributary_model::manifest::{self, Wording};

use super::moment;
use crate::graph::{FieldPath, Graph, Join, NodeId};
use crate::redact::Rules;

/// Describes a collection. `kinds` are its columns' types as far as the database guarantees them.
pub(crate) fn describe(graph: &Graph, node: NodeId, kinds: &[FieldKind]) -> Table {
    let (dataset, collection) = (graph.dataset(node), graph.collection(node));
    let inherited = dataset.categories_of(collection);
    let fields = collection.fields.iter().enumerate().map(|(index, declared)| {
        let mut categories = inherited.clone();
        categories.extend(declared.categories.iter().filter(|c| !inherited.contains(c)).cloned());
        field(declared, index, kinds.get(index).copied().unwrap_or(FieldKind::Any), categories)
    });
    let rules = Rules::of(graph, node);
    // Marks tell no rows apart.
    let hidden = |column: &usize| rules.as_ref().is_some_and(|rules| rules.may_hide(*column));
    let keys = Some(&graph.nodes()[node].primary_key).filter(|keys| !keys.iter().any(hidden)).into_iter().flatten();
    let keys = keys.map(|&column| collection.fields[column].shown.clone());
    let joins = graph.joins().iter().filter(|join| join.holder == node && is_flat(join));
    let place = graph.nodes()[node].collection;
    let labels = labels(&collection.wording, collection.redacted.then(|| format!("Collection {}", place + 1)));
    Table {
        dataset: dataset.shown.clone(),
        collection: collection.shown.clone(),
        title: english(&labels.titles),
        description: english(&labels.descriptions),
        fields: fields.collect(),
        primary_key: keys.collect(),
        foreign_keys: joins.map(|join| foreign_key(graph, join)).collect(),
        labels,
        dataset_labels: Labels {
            titles: dataset.wording.labels.clone(),
            descriptions: dataset.wording.descriptions.clone(),
        },
        marks: rules.as_ref().map(Rules::marks).unwrap_or_default(),
    }
}

fn field(declared: &manifest::Field, index: usize, kind: FieldKind, categories: Vec<String>) -> Field {
    let mut labels = labels(&declared.wording, declared.redacted.then(|| format!("Field {}", index + 1)));
    if let Some(represents) = declared.represents {
        if labels.descriptions.is_empty() {
            // Nothing else is said, so the note alone can be said in every language that the column has a name in.
            let languages = labels.titles.0.keys().cloned().chain([Language::english()]);
            labels.descriptions.0.extend(languages.map(|language| (language, String::new())));
        }
        say_what_files_hold(&mut labels.descriptions, represents.form);
    }
    // No engine guarantees days and instants that every reader knows: `infinity`, 44 BC and 0000-00-00 may stand there as
    // well. The files promise nothing, and people are shown what is one as one.
    let is_moment = matches!(kind, FieldKind::Date | FieldKind::Datetime);
    Field {
        name: declared.shown.clone(),
        kind: if is_moment { FieldKind::Any } else { kind },
        format: None,
        title: english(&labels.titles),
        description: english(&labels.descriptions),
        categories,
        labels,
        codes: declared
            .codes
            .iter()
            .map(|code| Code { value: code.value.clone(), labels: code.labels.clone() })
            .collect(),
        unit: declared.unit.clone(),
        shown_as: match declared.represents.map(|represents| represents.what) {
            Some(manifest::Moment::Date) => Some(FieldKind::Date),
            Some(manifest::Moment::Datetime) => Some(FieldKind::Datetime),
            None => is_moment.then_some(kind),
        },
    }
}

/// The labels, or a neutral title where a name stays hidden and nobody gave another.
fn labels(wording: &Wording, neutral: Option<String>) -> Labels {
    let mut titles = wording.labels.clone();
    if let Some(title) = neutral.filter(|_| titles.is_empty()) {
        titles.0.insert(Language::english(), title);
    }
    Labels { titles, descriptions: wording.descriptions.clone() }
}

/// The one text of readers that know one language only.
fn english(texts: &Texts) -> Option<String> {
    texts.get(&Language::english()).map(str::to_owned)
}

/// Who compares the preview's dates with the files must know what stands there.
fn say_what_files_hold(descriptions: &mut Texts, form: manifest::MomentForm) {
    for (language, text) in &mut descriptions.0 {
        if let Some(note) = moment::in_the_files(form, language) {
            let stop = if text.is_empty() || text.ends_with(['.', '!', '?']) { "" } else { "." };
            let space = if text.is_empty() { "" } else { " " };
            *text = format!("{text}{stop}{space}{note}");
        }
    }
    descriptions.0.retain(|_, text| !text.is_empty());
}

fn is_flat(join: &Join) -> bool {
    join.holder_fields.iter().chain(&join.referenced_fields).all(|field| !field.structured)
}

fn foreign_key(graph: &Graph, join: &Join) -> ForeignKey {
    let names = |node: NodeId, fields: &[FieldPath]| {
        fields.iter().map(|field| graph.collection(node).fields[field.column].shown.clone()).collect()
    };
    ForeignKey {
        fields: names(join.holder, &join.holder_fields),
        dataset: graph.dataset(join.referenced).shown.clone(),
        collection: graph.collection(join.referenced).shown.clone(),
        reference_fields: names(join.referenced, &join.referenced_fields),
    }
}

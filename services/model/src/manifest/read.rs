//! Reads manifest files into the types, with every problem at its place. `people` reads what is said to people, `system`
//! the record of processing.

mod controller;
mod manual;
mod others;
mod people;
mod system;

use std::collections::HashSet;
use std::str::FromStr;
use std::sync::Arc;

use self::people::{CollectionWords, DatasetWords, FieldWords, with_fallback};
use super::{After, At, BaseType, Collection, DataType, Dataset, Field, Manifests, Namespace, Reference, wording};
use crate::id::{FidesKey, InvalidId};
use crate::yaml::{Fields, Node, Place, Problems, Reader, parse};

impl Manifests {
    /// Reads files given as (name, text) and checks them together. Returns all problems of all files at once.
    pub fn from_yaml(files: &[(String, String)]) -> Result<Manifests, Problems> {
        let mut manifests = Manifests::default();
        let mut problems = Problems::default();
        for (name, text) in files {
            match file(name, text, &mut manifests) {
                Ok(()) => {}
                Err(found) => problems.0.extend(found.0),
            }
        }
        // References into a file that cannot be read would all dangle: its own problems come first.
        if problems.0.is_empty() {
            problems.0.extend(super::check::check(&manifests));
        }
        wording::hide_names(&mut manifests);
        if problems.0.is_empty() { Ok(manifests) } else { Err(problems) }
    }
}

fn file(name: &str, text: &str, into: &mut Manifests) -> Result<(), Problems> {
    let root = parse(name, text)?;
    let mut reader = Reader::new(name);
    let mut file = File { name: Arc::from(name), r: &mut reader };
    file.root(&root, into);
    reader.finish(Some(()))
}

struct File<'r> {
    name: Arc<str>,
    r: &'r mut Reader,
}

/// Longest name of a collection or field that an archive takes, in bytes.
const MAX_NAME: usize = 500;

/// YAML 1.1 spellings of a boolean that hand-written manifests use.
struct Flag(bool);

impl FromStr for Flag {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text.to_ascii_lowercase().as_str() {
            "true" => Ok(Self(true)),
            "false" => Ok(Self(false)),
            _ => Err(InvalidId { what: "a flag", rule: "true or false" }),
        }
    }
}

impl File<'_> {
    fn at(&self, place: Place) -> At {
        At { file: Arc::clone(&self.name), place }
    }

    fn root(&mut self, root: &Node, into: &mut Manifests) {
        let Some(mut f) = self.r.fields(root, "a manifest") else { return };
        if let Some(node) = f.node("dataset") {
            for item in self.r.list(node, "dataset") {
                into.datasets.extend(self.dataset(item));
            }
        }
        if let Some(node) = f.node("system") {
            for item in self.r.list(node, "system") {
                into.systems.extend(self.system(item));
            }
        }
    }

    fn dataset(&mut self, node: &Node) -> Option<Dataset> {
        let mut f = self.r.fields(node, "a dataset")?;
        let key = f.required(self.r, "fides_key");
        let name = f.optional(self.r, "name");
        let description = f.optional(self.r, "description");
        let categories = self.texts(&mut f, "data_categories");
        let (mut after, mut redacted, mut namespace) = (Vec::new(), false, Namespace::default());
        if let Some(mut meta) = self.meta(&mut f) {
            after = self.parsed(&mut meta, "after");
            namespace = self.namespace(&mut meta);
            redacted = self.redact(&mut meta);
        }
        let DatasetWords { wording, controller, people, not_personal } = self.dataset_words(&mut f);
        let collections = f.required_node(self.r, "collections");
        let mut collections: Vec<Collection> = match collections {
            Some(list) => self.r.list(list, "collections").iter().filter_map(|item| self.collection(item)).collect(),
            None => Vec::new(),
        };
        self.unique(collections.iter().map(|c| (c.name.as_str(), &c.at)), "the collection");
        let key: FidesKey = key?;
        self.share_people_work(&people, key.as_str(), &self.at(node.place), &mut collections);
        Some(Dataset {
            shown: key.clone(),
            key,
            // A hidden name is not said in other words either, unless in words for people.
            wording: with_fallback(wording, name.as_ref().filter(|_| !redacted), description.as_ref()),
            name,
            description,
            redacted,
            categories,
            after,
            namespace,
            controller,
            not_personal,
            collections,
            at: self.at(node.place),
        })
    }

    fn collection(&mut self, node: &Node) -> Option<Collection> {
        let mut f = self.r.fields(node, "a collection")?;
        let name: Option<String> = f.required(self.r, "name");
        let description = f.optional(self.r, "description");
        let categories = self.texts(&mut f, "data_categories");
        let (mut after, mut erase_after, mut skip, mut redacted) = (Vec::new(), Vec::new(), false, false);
        if let Some(mut meta) = self.meta(&mut f) {
            redacted = self.redact(&mut meta);
            after = self.afters(&mut meta, "after");
            erase_after = self.afters(&mut meta, "erase_after");
            skip = meta.optional::<Flag>(self.r, "skip_processing").is_some_and(|flag| flag.0);
        }
        let CollectionWords { wording, others, controller, people } = self.collection_words(&mut f);
        let fields = self.fields(&mut f);
        self.check_controller(controller.as_ref(), &fields);
        let name = name?;
        self.bearable(&name, redacted, "collection", node.place);
        Some(Collection {
            shown: name.clone(),
            name,
            wording: with_fallback(wording, None, description.as_ref()),
            description,
            redacted,
            categories,
            after,
            erase_after,
            skip,
            controller,
            others,
            people,
            fields,
            at: self.at(node.place),
        })
    }

    fn fields(&mut self, f: &mut Fields<'_>) -> Vec<Field> {
        let Some(list) = f.node("fields") else { return Vec::new() };
        let fields: Vec<Field> = self.r.list(list, "fields").iter().filter_map(|item| self.field(item)).collect();
        self.unique(fields.iter().map(|field| (field.name.as_str(), &field.at)), "the field");
        fields
    }

    fn field(&mut self, node: &Node) -> Option<Field> {
        let mut f = self.r.fields(node, "a field")?;
        let name: Option<String> = f.required(self.r, "name");
        let description = f.optional(self.r, "description");
        let categories = self.texts(&mut f, "data_categories");
        let FieldWords { wording, codes, unit, represents, normal, others } = self.field_words(&mut f);
        let fields = self.fields(&mut f);
        let name = name?;
        let mut field = Field {
            shown: name.clone(),
            name,
            wording: with_fallback(wording, None, description.as_ref()),
            description,
            redacted: false,
            codes,
            unit,
            represents,
            categories,
            data_type: None,
            identity: None,
            normal,
            primary_key: false,
            references: Vec::new(),
            others,
            fields,
            at: self.at(node.place),
        };
        if let Some(mut meta) = self.meta(&mut f) {
            self.field_meta(&mut field, &mut meta);
        }
        self.bearable(&field.name, field.redacted, "field", node.place);
        self.check_role(&field, node.place);
        self.check_third_party(&field, node.place);
        if field.normal.is_some() && field.identity.is_none() {
            let message = format!(
                "the field `{}` has `normal`, which only says how it is compared with identifiers: declare its `identity`",
                field.name
            );
            self.r.problem(node.place, message);
        }
        if !field.fields.is_empty() && field.data_type.is_some_and(|t| t.base != BaseType::Object) {
            let message =
                format!("the field `{}` has sub-fields, so its data_type must be object or object[]", field.name);
            self.r.problem(node.place, message);
        }
        Some(field)
    }

    fn field_meta(&mut self, field: &mut Field, meta: &mut Fields<'_>) {
        field.redacted = self.redact(meta);
        field.data_type = meta.optional(self.r, "data_type");
        field.identity = meta.optional(self.r, "identity");
        field.primary_key = meta.optional::<Flag>(self.r, "primary_key").is_some_and(|flag| flag.0);
        if let Some(list) = meta.node("references") {
            field.references = self.r.list(list, "references").iter().filter_map(|item| self.reference(item)).collect();
        }
        if let Some(length) = meta.node("length")
            && self.r.scalar::<i64>(length, "length").is_some_and(|length| length <= 0)
        {
            self.r.problem(length.place, "`length` must be above 0");
        }
        if let Some(all) = meta.node("return_all_elements") {
            let wanted = self.r.scalar::<Flag>(all, "return_all_elements").is_some_and(|flag| flag.0);
            let array = field.data_type.is_some_and(|DataType { array, .. }| array);
            if wanted && !array {
                self.r.problem(all.place, "`return_all_elements` needs an array: give a data_type that ends in []");
            }
        }
    }

    fn reference(&mut self, node: &Node) -> Option<Reference> {
        let mut f = self.r.fields(node, "a reference")?;
        let dataset = f.required(self.r, "dataset");
        let field = f.required(self.r, "field");
        let direction = f.optional(self.r, "direction");
        let foreign_key = self.reference_words(&mut f);
        Some(Reference { dataset: dataset?, field: field?, direction, foreign_key, at: self.at(node.place) })
    }

    /// Names that no archive takes must stay hidden.
    fn bearable(&mut self, name: &str, redacted: bool, what: &str, place: Place) {
        if !redacted && (name.len() > MAX_NAME || name.chars().any(char::is_control)) {
            let remedy = "hide it with `fides_meta: {redact: name}` and give a `tributary: {label: …}`";
            self.r.problem(
                place,
                format!("the {what}'s name is longer than {MAX_NAME} bytes or has control characters; {remedy}"),
            );
        }
    }

    /// `fides_meta`, or the name it had before.
    fn meta<'n>(&mut self, f: &mut Fields<'n>) -> Option<Fields<'n>> {
        let node = f.node("fides_meta").or_else(|| f.node("fidesops_meta"))?;
        self.r.fields(node, "`fides_meta`")
    }

    fn namespace(&mut self, meta: &mut Fields<'_>) -> Namespace {
        let Some(node) = meta.node("namespace") else { return Namespace::default() };
        let Some(mut f) = self.r.fields(node, "`namespace`") else { return Namespace::default() };
        Namespace { database: f.optional(self.r, "database_name"), schema: f.optional(self.r, "schema") }
    }

    /// Keys in a list: data categories and the like.
    fn texts(&mut self, f: &mut Fields<'_>, key: &'static str) -> Vec<String> {
        self.parsed::<FidesKey>(f, key).into_iter().map(String::from).collect()
    }

    fn parsed<T: FromStr>(&mut self, f: &mut Fields<'_>, key: &'static str) -> Vec<T>
    where
        T::Err: std::fmt::Display,
    {
        let Some(node) = f.node(key) else { return Vec::new() };
        self.r.list(node, key).iter().filter_map(|item| self.r.scalar(item, key)).collect()
    }

    fn afters(&mut self, f: &mut Fields<'_>, key: &'static str) -> Vec<After> {
        let Some(node) = f.node(key) else { return Vec::new() };
        let items = self.r.list(node, key).iter();
        let found: Vec<Option<After>> =
            items.map(|item| Some(After { name: self.r.scalar(item, key)?, at: self.at(item.place) })).collect();
        found.into_iter().flatten().collect()
    }

    fn unique<'i>(&mut self, names: impl Iterator<Item = (&'i str, &'i At)>, what: &str) {
        let mut seen = HashSet::new();
        for (name, at) in names {
            if !seen.insert(name) {
                self.r.problem(at.place, format!("{what} `{name}` is declared a second time"));
            }
        }
    }
}

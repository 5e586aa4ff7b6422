//! YAML with places: every problem of a file is found in one reading and named by line and column.
//!
//! `parse` makes a tree that remembers where each value stood; `Reader` turns it into types and collects what is wrong.
//! Used by `group`, `manifest` and the processes' configuration.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

/// Most values of one file, aliases expanded: a bound against files that grow when read.
const MAX_NODES: usize = 2_000_000;
/// Deepest nesting.
const MAX_DEPTH: usize = 100;

/// Where a value stands in its file, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Place {
    /// Line.
    pub line: usize,
    /// Column in characters.
    pub column: usize,
}

/// One thing wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file as it was named to us.
    pub file: String,
    /// Where in it.
    pub place: Place,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.place.line, self.place.column, self.message)
    }
}

/// Everything wrong with one or more files, a line each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            write!(f, "{}{problem}", if i == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it starts.
    pub place: Place,
    /// What it is.
    pub value: Value,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Text, number or boolean as written; `quoted` tells `"1"` from `1`.
    Scalar {
        /// The text as written, quotes and escapes resolved.
        text: String,
        /// Whether it stood in quotes or a block.
        quoted: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A map in file order, keys with their places.
    Map(Vec<(String, Place, Node)>),
}

impl Node {
    /// Whether the value is absent: empty, `~` or `null`.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, quoted: false } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The scalar's text, if it is a scalar that is not null.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } if !self.is_null() => Some(text),
            _ => None,
        }
    }

    /// Looks a key of a map up.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|(k, ..)| k == key).map(|(.., node)| node),
            _ => None,
        }
    }

    /// The list's items, if it is a list.
    pub fn items(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    fn kind(&self) -> &'static str {
        match &self.value {
            _ if self.is_null() => "nothing",
            Value::Scalar { .. } => "a value",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}

/// Parses the one document of `text`; `file` is used in messages. An empty file is an empty map.
pub fn parse(file: &str, text: &str) -> Result<Node, Problems> {
    let mut builder = Builder { file, anchors: HashMap::new(), nodes: 0 };
    let mut events = Parser::new_from_str(text);
    builder.document(&mut events).map_err(|problem| Problems(vec![problem]))
}

struct Builder<'f> {
    file: &'f str,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

type Events<'i> = Parser<'i, saphyr_parser::StrInput<'i>>;

impl Builder<'_> {
    fn document(&mut self, events: &mut Events<'_>) -> Result<Node, Problem> {
        let mut root = None;
        loop {
            let (event, span) = self.next(events)?;
            match event {
                Event::StreamEnd => break,
                Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
                _ if root.is_some() => {
                    return Err(self.problem(place(span), "a second document starts here; keep one document per file"));
                }
                event => root = Some(self.node(event, span, events, 0)?),
            }
        }
        let empty = Node { place: Place { line: 1, column: 1 }, value: Value::Map(Vec::new()) };
        Ok(root.filter(|node| !node.is_null()).unwrap_or(empty))
    }

    fn next<'i>(&self, events: &mut Events<'i>) -> Result<(Event<'i>, Span), Problem> {
        match events.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(self.scan_error(&error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, event: Event<'_>, span: Span, events: &mut Events<'_>, depth: usize) -> Result<Node, Problem> {
        let place = place(span);
        self.nodes += 1;
        if self.nodes > MAX_NODES || depth > MAX_DEPTH {
            return Err(self.problem(place, "the file is too large or nested too deeply"));
        }
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => {
                (Value::Scalar { text: text.into_owned(), quoted: style != ScalarStyle::Plain }, anchor)
            }
            Event::SequenceStart(anchor, _) => (self.list(events, depth)?, anchor),
            Event::MappingStart(anchor, _) => (self.map(events, depth)?, anchor),
            Event::Alias(id) => {
                let target = self.anchors.get(&id).cloned();
                let node = target.ok_or_else(|| self.problem(place, "an alias to an anchor that is not defined"))?;
                self.nodes += count(&node);
                return Ok(Node { place, value: node.value });
            }
            _ => return Err(self.problem(place, "unexpected end of a block")),
        };
        let node = Node { place, value };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, events: &mut Events<'_>, depth: usize) -> Result<Value, Problem> {
        let mut items = Vec::new();
        loop {
            match self.next(events)? {
                (Event::SequenceEnd, _) => return Ok(Value::List(items)),
                (event, span) => items.push(self.node(event, span, events, depth + 1)?),
            }
        }
    }

    fn map(&mut self, events: &mut Events<'_>, depth: usize) -> Result<Value, Problem> {
        let mut entries: Vec<(String, Place, Node)> = Vec::new();
        loop {
            let (event, span) = self.next(events)?;
            let key = match event {
                Event::MappingEnd => return Ok(Value::Map(entries)),
                Event::Scalar(text, ..) => text.into_owned(),
                _ => return Err(self.problem(place(span), "a key must be plain text")),
            };
            if entries.iter().any(|(k, ..)| *k == key) {
                return Err(self.problem(place(span), &format!("the key `{key}` stands here a second time")));
            }
            let (event, value_span) = self.next(events)?;
            entries.push((key, place(span), self.node(event, value_span, events, depth + 1)?));
        }
    }

    fn problem(&self, place: Place, message: &str) -> Problem {
        Problem { file: self.file.to_owned(), place, message: message.to_owned() }
    }

    fn scan_error(&self, error: &ScanError) -> Problem {
        let place = Place { line: error.marker().line(), column: error.marker().col() + 1 };
        self.problem(place, &format!("not valid YAML: {}", error.info()))
    }
}

fn place(span: Span) -> Place {
    Place { line: span.start.line(), column: span.start.col() + 1 }
}

fn count(node: &Node) -> usize {
    match &node.value {
        Value::Scalar { .. } => 1,
        Value::List(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Map(entries) => 1 + entries.iter().map(|(.., node)| count(node)).sum::<usize>(),
    }
}

/// Collects what is wrong while a tree is turned into types.
#[derive(Debug)]
pub struct Reader {
    file: String,
    problems: Vec<Problem>,
}

impl Reader {
    /// A reader for messages about `file`.
    pub fn new(file: &str) -> Self {
        Self { file: file.to_owned(), problems: Vec::new() }
    }

    /// Records a problem.
    pub fn problem(&mut self, place: Place, message: impl Into<String>) {
        self.problems.push(Problem { file: self.file.clone(), place, message: message.into() });
    }

    /// All problems in file order, or `value` when there are none.
    pub fn finish<T>(mut self, value: Option<T>) -> Result<T, Problems> {
        self.problems.sort();
        self.problems.dedup();
        match value {
            Some(value) if self.problems.is_empty() => Ok(value),
            _ => Err(Problems(self.problems)),
        }
    }

    /// Whether anything was wrong so far.
    pub fn has_problems(&self) -> bool {
        !self.problems.is_empty()
    }

    /// Starts reading a map; `what` names it in messages.
    pub fn fields<'n>(&mut self, node: &'n Node, what: &str) -> Option<Fields<'n>> {
        match &node.value {
            Value::Map(entries) => {
                Some(Fields { what: what.to_owned(), place: node.place, entries, taken: Vec::new() })
            }
            _ => {
                self.problem(node.place, format!("{what} must be a map of keys and values, found {}", node.kind()));
                None
            }
        }
    }

    /// Parses a scalar.
    pub fn scalar<T: FromStr>(&mut self, node: &Node, what: &str) -> Option<T>
    where
        T::Err: fmt::Display,
    {
        let Some(text) = node.text() else {
            self.problem(node.place, format!("`{what}` must be a value, found {}", node.kind()));
            return None;
        };
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem(node.place, format!("`{what}`: {error}"));
                None
            }
        }
    }

    /// The items of a list.
    pub fn list<'n>(&mut self, node: &'n Node, what: &str) -> &'n [Node] {
        if node.is_null() {
            return &[];
        }
        node.items().unwrap_or_else(|| {
            self.problem(node.place, format!("`{what}` must be a list, found {}", node.kind()));
            &[]
        })
    }
}

/// The keys of one map while they are read.
#[derive(Debug)]
pub struct Fields<'n> {
    what: String,
    place: Place,
    entries: &'n [(String, Place, Node)],
    taken: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// Where the map starts.
    pub fn place(&self) -> Place {
        self.place
    }

    /// The value of `key`, if it is there and not null.
    pub fn node(&mut self, key: &'static str) -> Option<&'n Node> {
        self.taken.push(key);
        self.entries.iter().find(|(k, ..)| k == key).map(|(.., node)| node).filter(|node| !node.is_null())
    }

    /// The value of `key`; its absence is a problem.
    pub fn required_node(&mut self, reader: &mut Reader, key: &'static str) -> Option<&'n Node> {
        let node = self.node(key);
        if node.is_none() {
            reader.problem(self.place, format!("{} lacks the key `{key}`", self.what));
        }
        node
    }

    /// The parsed value of `key`; its absence is a problem.
    pub fn required<T: FromStr>(&mut self, reader: &mut Reader, key: &'static str) -> Option<T>
    where
        T::Err: fmt::Display,
    {
        let node = self.required_node(reader, key)?;
        reader.scalar(node, key)
    }

    /// The parsed value of `key`, if it is there.
    pub fn optional<T: FromStr>(&mut self, reader: &mut Reader, key: &'static str) -> Option<T>
    where
        T::Err: fmt::Display,
    {
        let node = self.node(key)?;
        reader.scalar(node, key)
    }

    /// Reports every key that was not asked for.
    pub fn deny_unknown(&self, reader: &mut Reader) {
        for (key, place, _) in self.entries {
            if !self.taken.contains(&key.as_str()) {
                let known = self.taken.join("`, `");
                reader.problem(*place, format!("{} has no key `{key}`; known keys are `{known}`", self.what));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_file_is_named_by_line_and_column() {
        let error = parse("group.yaml", "a: 1\nb: [1, 2\nc: 3\n").unwrap_err();
        assert_eq!(error.0.len(), 1);
        assert!(error.to_string().starts_with("group.yaml:"), "{error}");
        assert!(error.0[0].place.line >= 2);
        assert!(parse("f", "a: 1\na: 2\n").unwrap_err().to_string().contains("f:2:1: the key `a`"));
    }

    #[test]
    fn values_keep_their_places_and_their_quotes() {
        let root = parse("f", "a:\n  - 1\n  - \"1\"\nb: ~\n").unwrap();
        let items = root.get("a").unwrap().items().unwrap();
        assert_eq!(items[1].place, Place { line: 3, column: 5 });
        assert!(matches!(&items[1].value, Value::Scalar { quoted: true, .. }));
        assert!(root.get("b").unwrap().is_null());
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        let root = parse("f", "x: 1\nn: nine\n").unwrap();
        let mut reader = Reader::new("f");
        let mut fields = reader.fields(&root, "the file").unwrap();
        let _: Option<u32> = fields.required(&mut reader, "n");
        let _: Option<u32> = fields.required(&mut reader, "m");
        fields.deny_unknown(&mut reader);
        assert_eq!(reader.finish(Some(())).unwrap_err().0.len(), 3);
    }

    #[test]
    fn aliases_do_not_blow_up() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..9 {
            let refs = vec![format!("*a{}", i - 1); 10].join(", ");
            bomb.push_str(&format!("a{i}: &a{i} [{refs}]\n"));
        }
        assert!(parse("f", &bomb).unwrap_err().to_string().contains("too large"));
    }
}

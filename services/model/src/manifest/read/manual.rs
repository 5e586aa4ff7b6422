//! Reads what people at the entity have to do with a dataset or collection.

use std::collections::HashMap;
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;

use super::people::PROSE;
use super::{File, people};
use crate::manifest::{Collection, Manual, PeopleWork};
use crate::yaml::{Fields, Node};

/// A time as people write it: `10d`, `36h`.
struct Span(Duration);

impl FromStr for Span {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let days = text.strip_suffix('d').and_then(|days| days.parse::<u16>().ok());
        let time = match days {
            Some(days) => Some(Duration::from_secs(u64::from(days) * 24 * 3600)),
            None => text.parse::<SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok()),
        };
        let year = Duration::from_secs(366 * 24 * 3600);
        time.filter(|time| !time.is_zero() && *time <= year)
            .map(Self)
            .ok_or("must be a time of at most a year, such as 36h or 10d")
    }
}

impl File<'_> {
    /// `manual` and `review`.
    pub(super) fn people_work(&mut self, ours: &mut Fields<'_>) -> PeopleWork {
        let node = ours.node("manual");
        let manual = node.and_then(|node| self.manual(node));
        let review = people::flag(self, ours, "review").unwrap_or_default();
        if let (Some(node), true) = (node, review) {
            let message =
                "both `manual` and `review`: what a person searches, that person has seen; leave `review` out";
            self.r.problem(node.place, message);
        }
        PeopleWork { manual, review }
    }

    fn manual(&mut self, node: &Node) -> Option<Manual> {
        let mut f = self.r.fields(node, "`manual`")?;
        let ask = f.node("ask").map(|node| self.languages(node, "ask", PROSE)).unwrap_or_default();
        let due = f.optional(self.r, "due").map(|Span(time)| time);
        f.deny_unknown(self.r);
        Some(Manual { ask, due })
    }

    /// Collections without words of their own take their dataset's; a dataset that is searched as a whole has one.
    pub(super) fn share_people_work(
        &mut self,
        work: &PeopleWork,
        key: &str,
        at: &super::At,
        collections: &mut Vec<Collection>,
    ) {
        if work.manual.is_some() && collections.is_empty() {
            collections.push(crate::manifest::manual::whole(key, at.clone()));
        }
        for collection in collections.iter_mut().filter(|collection| collection.people == PeopleWork::default()) {
            collection.people = work.clone();
        }
        let mut seen: HashMap<String, ()> = HashMap::new();
        for collection in collections.iter().filter(|collection| collection.people.manual.is_some()) {
            if seen.insert(collection.name.to_lowercase(), ()).is_some() {
                let message = "names of collections that are searched by hand must differ in more than case";
                self.r.problem(collection.at.place, message);
            }
        }
    }
}

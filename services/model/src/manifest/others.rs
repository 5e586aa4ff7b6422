//! What manifests say of other people in a person's data (Art. 15(4) GDPR, ACC-9): whom a field is about, texts that may
//! speak of others, rows that several people share, and rows that the person only worked on.
//!
//! All of it stands under the key `tributary:`, and a manifest without it changes nothing. Neighbour: `read`.

use std::str::FromStr;

use crate::id::InvalidId;

/// What is declared of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FieldOthers {
    /// `third_party`: whether it is about someone else, hidden, and leads nowhere; `None` when nobody said.
    pub third_party: Option<bool>,
    /// `free_text`: what becomes of a text that may speak of others.
    pub free_text: FreeText,
    /// `role`: what the person whom it names has to do with the row.
    pub role: Role,
    /// `about`: whom else it is about. The fields about an actor are given with rows that the person only acted on.
    pub about: Role,
}

impl FieldOthers {
    /// Whether the field is about who acted: it names them, or is said to be about them.
    pub fn is_about_actor(&self) -> bool {
        self.role == Role::Actor || self.about == Role::Actor
    }
}

/// What a person has to do with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// The row is about them.
    #[default]
    Subject,
    /// They acted on it, at work for instance, and it is about others: the clerk of a customer's ticket.
    Actor,
}

/// What becomes of a text that may speak of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FreeText {
    /// It is given.
    #[default]
    Release,
    /// It waits until a person at the entity has looked at it.
    Review,
    /// It is hidden.
    Redact,
}

/// What is declared of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CollectionOthers {
    /// `shared`: several people refer to its rows. A row is given to each, without what names the others, and leads to
    /// none of them.
    pub shared: bool,
    /// `actor_rows`: what becomes of rows that the person only acted on.
    pub actor_rows: ActorRows,
}

/// What becomes of rows that the person only acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ActorRows {
    /// They are given with the fields about the actor, the others hidden.
    #[default]
    Redact,
    /// They are left out, and counted.
    Omit,
}

impl FromStr for Role {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text {
            "subject" => Ok(Self::Subject),
            "actor" => Ok(Self::Actor),
            _ => Err(InvalidId { what: "a role", rule: "'subject' (the row is about the person) or 'actor'" }),
        }
    }
}

impl FromStr for FreeText {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text {
            "release" => Ok(Self::Release),
            "review" => Ok(Self::Review),
            "redact" => Ok(Self::Redact),
            _ => Err(InvalidId { what: "a policy for free text", rule: "'release', 'review' or 'redact'" }),
        }
    }
}

impl FromStr for ActorRows {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text {
            "redact" => Ok(Self::Redact),
            "omit" => Ok(Self::Omit),
            _ => Err(InvalidId { what: "a policy for rows that the person acted on", rule: "'redact' or 'omit'" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Manifests;
    use crate::yaml::Problems;

    fn read(fields: &str) -> Result<Manifests, Problems> {
        let text = format!(
            "dataset:
  - fides_key: desk
    collections:
      - name: employee
        fields: [{{name: id}}]
      - name: ticket
        tributary: {{shared: True, actor_rows: omit}}
        fields:
{fields}"
        );
        Manifests::from_yaml(&[("m.yml".to_owned(), text)])
    }

    #[test]
    fn what_is_said_of_others_is_read_and_nothing_is_assumed() {
        let manifests = read(
            "
          - {name: id}
          - {name: witness, tributary: {third_party: true, free_text: review}}
          - {name: assigned_to, fides_meta: {references: [{dataset: desk, field: employee.id}]}, tributary: {role: actor}}
          - {name: opened_at, tributary: {about: actor, third_party: false}}
",
        )
        .unwrap();
        let [employee, ticket] = manifests.datasets[0].collections.as_slice() else { panic!("two collections") };
        assert_eq!(employee.others, CollectionOthers::default());
        assert_eq!(ticket.others, CollectionOthers { shared: true, actor_rows: ActorRows::Omit });
        let of = |index: usize| ticket.fields[index].others;
        assert_eq!(of(0), FieldOthers::default());
        assert_eq!((of(1).third_party, of(1).free_text), (Some(true), FreeText::Review));
        assert!(of(2).is_about_actor() && of(2).role == Role::Actor);
        assert!(of(3).is_about_actor() && of(3).role == Role::Subject && of(3).third_party == Some(false));
    }

    #[test]
    fn what_cannot_work_is_named_at_its_place() {
        let found = read(
            "
          - {name: id, tributary: {role: actor}}
          - {name: a, fides_meta: {references: [{dataset: desk, field: employee.id, direction: to}]}, tributary: {role: actor}}
          - {name: b, tributary: {role: clerk, free_text: hide, third_party: perhaps}}
          - {name: c, fides_meta: {identity: staff_no}, tributary: {role: actor, third_party: true}}
          - {name: d, fides_meta: {identity: email}, tributary: {third_party: true}}
",
        )
        .unwrap_err();
        let lines: Vec<usize> = found.0.iter().map(|p| p.place.line).collect();
        assert_eq!(lines, [10, 11, 12, 12, 12, 14], "{found}");
        let found = found.to_string();
        for part in [
            "names nobody",
            "take `direction: to` away",
            "finds nobody's own rows",
            "'subject'",
            "'release', 'review' or 'redact'",
        ] {
            assert!(found.contains(part), "{part}: {found}");
        }
    }
}

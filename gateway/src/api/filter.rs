//! The filter of ListCases: terms `field = value` joined by AND, each field once.

use super::error::ApiError;
use crate::store::Filter;

/// Reads a filter; an error says at which position (counted from 0, in characters) what was expected.
pub(super) fn parse(text: &str) -> Result<Filter, ApiError> {
    let mut reader = Reader { rest: text, text };
    let mut filter = Filter::default();
    reader.blanks();
    if reader.rest.is_empty() {
        return Ok(filter);
    }
    loop {
        reader.term(&mut filter)?;
        reader.blanks();
        if reader.rest.is_empty() {
            return Ok(filter);
        }
        if reader.word() != "AND" {
            return Err(reader.expected("AND or the end"));
        }
        reader.blanks();
    }
}

struct Reader<'t> {
    text: &'t str,
    rest: &'t str,
}

impl<'t> Reader<'t> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn word(&mut self) -> &'t str {
        let end = self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || "_-".contains(c)));
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        word
    }

    /// A word, or a text in double quotes where `\` makes the next character literal.
    fn value(&mut self) -> Result<String, ApiError> {
        let Some(quoted) = self.rest.strip_prefix('"') else { return Ok(self.word().to_owned()) };
        let mut value = String::new();
        let mut chars = quoted.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = &quoted[at + 1..];
                    return Ok(value);
                }
                '\\' => value.extend(chars.next().map(|(_, c)| c)),
                c => value.push(c),
            }
        }
        self.rest = "";
        Err(self.expected("a closing quote"))
    }

    fn term(&mut self, filter: &mut Filter) -> Result<(), ApiError> {
        let start = self.rest;
        let field = self.word();
        self.blanks();
        let Some(rest) = self.rest.strip_prefix('=') else { return Err(self.expected("=")) };
        self.rest = rest;
        self.blanks();
        let at_value = self.rest;
        let value = self.value()?;
        let position = |rest: &str| self.text[..self.text.len() - rest.len()].chars().count();
        let bad = |expected| ApiError::Filter { position: position(at_value), expected };
        let twice = match field {
            "state" => {
                filter.state.replace(value.parse().map_err(|_| bad("a state of cases, such as READY"))?).is_some()
            }
            "right" => filter.right.replace(value.parse().map_err(|_| bad("a right, such as access"))?).is_some(),
            "entity" => filter.entity.replace(value.parse().map_err(|_| bad("an entity id"))?).is_some(),
            "disposition" => {
                let disposition = value.parse().map_err(|_| bad("a disposition, such as UNREACHABLE"))?;
                filter.disposition.replace(disposition).is_some()
            }
            "request_ref" => filter.request_ref.replace(value).is_some(),
            _ => {
                let expected = "one of state, right, request_ref, entity, disposition";
                return Err(ApiError::Filter { position: position(start), expected });
            }
        };
        if twice {
            return Err(ApiError::Filter { position: position(start), expected: "each field once" });
        }
        Ok(())
    }

    fn expected(&self, expected: &'static str) -> ApiError {
        let position = self.text[..self.text.len() - self.rest.len()].chars().count();
        ApiError::Filter { position, expected }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tributary_model::disposition::Disposition;
    use tributary_model::lifecycle::CaseState;

    #[test]
    fn terms_are_joined_and_texts_may_hold_anything() {
        let filter = parse(r#" state = READY AND request_ref="a \"b\" AND c" AND disposition =UNREACHABLE "#).unwrap();
        assert_eq!(filter.state, Some(CaseState::Ready));
        assert_eq!(filter.request_ref.as_deref(), Some(r#"a "b" AND c"#));
        assert_eq!(filter.disposition, Some(Disposition::Unreachable));
        assert_eq!(parse("").unwrap(), Filter::default());
    }

    #[test]
    fn what_cannot_be_read_is_named_by_position() {
        for (text, at) in [
            ("state", 5),
            ("state = ready", 8),
            ("stat = READY", 0),
            ("é = 1", 0),
            ("state = READY OR right = access", 16),
            ("state = READY AND state = READY", 18),
            ("request_ref = \"x", 16),
            ("state = READY AND", 17),
        ] {
            let Err(ApiError::Filter { position, .. }) = parse(text) else { panic!("{text}") };
            assert_eq!(position, at, "{text}");
        }
    }
}

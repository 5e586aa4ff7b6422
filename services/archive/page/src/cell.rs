//! A cell's text as a person reads it: dates and numbers as the language writes them, codes with their meaning. What is
//! not what its column declares is shown as it stands.

use jiff::civil::{Date, DateTime, Time};

use crate::escape;
use crate::html::Html;
use crate::link;
use crate::model::collection::{Cell, Column, Kind};

/// Writes `<td>` with the cell. Closing tags of cells and rows are left out, as HTML allows: there may be 200,000.
pub(crate) fn write(html: &mut Html, column: Option<&Column<'_>>, cell: &Cell<'_>, folder: &str) {
    let (words, others) = (&html.words.data, &html.words.others);
    match cell {
        Cell::Null => html.raw("<td class=n>"),
        Cell::Text(text) => value(html, column, text),
        Cell::File { path } => {
            html.raw("<td>");
            match link::href(folder, path) {
                Some(href) => html.raw("<a href=\"").attribute(&href).raw("\">").text(words.open_file).raw("</a>"),
                None => html.name(path),
            }
        }
        Cell::Cut { text, bytes } => {
            html.raw(open(text)).value_text(text).raw("… <small>");
            html.phrase(words.cut, &[("size", crate::html::Fill::Size(*bytes))]).raw("</small>")
        }
        // The reasons stand below the table; a title on each cell would be most of the page.
        Cell::Hidden(_) => html.raw("<td class=h>").text(others.cell),
    };
}

/// The start tag of a cell with `text`. ASCII needs no look at its direction.
fn open(text: &str) -> &'static str {
    if text.is_ascii() { "<td>" } else { "<td dir=auto>" }
}

fn value<'h>(html: &'h mut Html, column: Option<&Column<'_>>, text: &str) -> &'h mut Html {
    let Some(column) = column else { return html.raw(open(text)).value_text(text) };
    if let Some(code) = column.codes.iter().find(|code| code.value == text) {
        return html.raw("<td>").said(&code.label).raw(" <small>").value(text).raw("</small>");
    }
    let locale = html.words.locale;
    let shown = match column.kind {
        Kind::Text => None,
        Kind::Boolean => match text {
            "true" => Some(html.words.data.yes.to_owned()),
            "false" => Some(html.words.data.no.to_owned()),
            _ => None,
        },
        Kind::Integer | Kind::Number => {
            if let Some(number) = locale.number(text, column.unit.is_some()).filter(|_| text.len() <= escape::LONGEST) {
                return html.raw(if column.unit.is_some() { "<td class=r>" } else { "<td>" }).text(&number);
            }
            None
        }
        Kind::Date => date(text).map(|date| locale.short_day(date)),
        Kind::Datetime => datetime(text).map(|(civil, zone)| locale.short_time(civil, zone)),
    };
    match shown {
        Some(shown) => html.raw("<td>").text(&shown),
        None => html.raw(open(text)).value_text(text),
    }
}

/// `2026-03-05`, and nothing else.
fn date(text: &str) -> Option<Date> {
    let [a, b, c, d, b'-', e, f, b'-', g, h] = *text.as_bytes() else { return None };
    Date::new(i16::try_from(digits(&[a, b, c, d])?).ok()?, small(e, f)?, small(g, h)?).ok()
}

/// A date and time as in RFC 3339, and its zone as written: `UTC`, `+02:00`, or nothing.
fn datetime(text: &str) -> Option<(DateTime, &str)> {
    let (day, rest) = (date(text.get(..10)?)?, text.get(10..)?);
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let zone_at = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (clock, zone) = (rest.get(..zone_at)?, rest.get(zone_at..)?);
    let zone = match zone {
        "" => "",
        "Z" | "z" | "+00:00" => "UTC",
        offset => {
            let [_, a, b, b':', c, d] = *offset.as_bytes() else { return None };
            (small(a, b)? < 24 && small(c, d)? < 60).then_some(offset)?
        }
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let (hour, minute, second) = match *clock.as_bytes() {
        [a, b, b':', c, d] => (small(a, b)?, small(c, d)?, 0),
        [a, b, b':', c, d, b':', e, f] => (small(a, b)?, small(c, d)?, small(e, f)?),
        _ => return None,
    };
    if fraction.is_empty() || fraction.len() > 9 {
        return None;
    }
    let scale = 10_i32.pow(u32::try_from(9 - fraction.len()).ok()?);
    let nanos = i32::try_from(digits(fraction.as_bytes())?).ok()? * scale;
    Some((DateTime::from_parts(day, Time::new(hour, minute, second, nanos).ok()?), zone))
}

fn small(a: u8, b: u8) -> Option<i8> {
    i8::try_from(digits(&[a, b])?).ok()
}

fn digits(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0_u32, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::collection::Code;
    use crate::model::hidden::HiddenReason;
    use crate::model::text::Text;
    use crate::words;

    fn shown(column: Column<'_>, cell: Cell<'_>) -> String {
        let mut html = Html::new(words::ALL[0]);
        write(&mut html, Some(&column), &cell, "data/entities/e/");
        String::from_utf8(html.finish()).unwrap()
    }

    #[test]
    fn a_value_is_written_by_its_columns_kind() {
        let of = |kind, text| shown(Column { kind, ..Column::default() }, Cell::Text(text));
        assert_eq!(of(Kind::Date, "2026-03-05"), "<td>5 Mar 2026");
        assert_eq!(of(Kind::Datetime, "2026-03-05T14:03:00Z"), "<td>5 Mar 2026, 14:03\u{a0}UTC");
        assert_eq!(of(Kind::Datetime, "2026-03-05 14:03:09.120+02:00"), "<td>5 Mar 2026, 14:03:09.12\u{a0}+02:00");
        assert_eq!(of(Kind::Datetime, "2026-03-05T14:03"), "<td>5 Mar 2026, 14:03");
        assert_eq!(of(Kind::Boolean, "true"), "<td>yes");
        assert_eq!(of(Kind::Integer, "20260305"), "<td>20260305");
        assert_eq!(of(Kind::Text, "2026-03-05"), "<td>2026-03-05");
        let priced = Column { kind: Kind::Number, unit: Some("EUR"), ..Column::default() };
        assert_eq!(shown(priced, Cell::Text("12345.60")), "<td class=r>12,345.60");
    }

    #[test]
    fn what_is_not_of_its_kind_is_shown_as_it_stands() {
        let cases = [
            (Kind::Date, "2026-02-30"),
            (Kind::Date, "05/03/2026"),
            (Kind::Datetime, "2026-03-05T25:00:00Z"),
            (Kind::Datetime, "2026-03-05T14:03:00+99:00"),
            (Kind::Datetime, "2026-03-05T14:03:00.Z"),
            (Kind::Datetime, "2026-03-05"),
            (Kind::Boolean, "maybe"),
            (Kind::Number, "1e5"),
        ];
        for (kind, text) in cases {
            assert_eq!(shown(Column { kind, ..Column::default() }, Cell::Text(text)), format!("<td>{text}"));
        }
    }

    #[test]
    fn a_code_stands_with_its_meaning() {
        let codes = vec![Code { value: "S", label: Text::plain("shipped") }];
        let column = Column { codes, ..Column::default() };
        assert_eq!(shown(column.clone(), Cell::Text("S")), "<td><bdi>shipped</bdi> <small><bdi>S</bdi></small>");
        assert_eq!(shown(column, Cell::Text("T")), "<td>T");
    }

    #[test]
    fn missing_empty_cut_and_filed_values_differ() {
        let column = Column::default;
        assert_eq!(shown(column(), Cell::Null), "<td class=n>");
        assert_eq!(shown(column(), Cell::Text("")), "<td>");
        let cut = shown(column(), Cell::Cut { text: "Lorem", bytes: 12_000 });
        assert_eq!(cut, "<td>Lorem… <small>cut; 12\u{a0}kB in the file</small>");
        let file = shown(column(), Cell::File { path: "crm/photo 1.jpg" });
        assert_eq!(file, "<td><a href=\"data/entities/e/crm/photo%201.jpg\">open the file</a>");
        assert_eq!(shown(column(), Cell::Hidden(HiddenReason::Actor)), "<td class=h>hidden");
        assert_eq!(shown(column(), Cell::File { path: "../x" }), "<td><bdi>../x</bdi>");
    }
}

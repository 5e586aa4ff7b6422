//! A page whose every text was written by someone who wishes the reader harm.

use tributary_model::disposition::Disposition;
use tributary_page::{
    Answer, Attachments, Category, Cell, Code, Collection, Column, FileLink, Gap, GapReason, Information, Kind, Link,
    Observed, Page, Processing, System, Text, Value,
};

use super::normal::{entity, page as normal};
use super::{at, keep};

const SCRIPT: &str = "<script>window.hacked=1</script>";
const IMAGE: &str = "\"><img src=x onerror=window.hacked=1>";
const CLOSING: &str = "</td></tr></table></main></style></title><svg onload=window.hacked=1>";
const ATTRIBUTE: &str = "' onmouseover='window.hacked=1' \" autofocus onfocus=\"window.hacked=1";
const TURNED: &str = "invoice\u{202e}gpj.exe \u{2066}isolated \u{202b}embedded";
const CONTROLS: &str = "nul\0bell\u{7}escape\u{1b}[31m delete\u{7f} next\u{85} bom\u{feff} tag\u{e0041}";
const ENTITY: &str = "&lt;b&gt; &#60;script&#62; {{7*7}} ${7*7} {entity} {n}";
const LINK: &str = "javascript:window.hacked=1";

pub(crate) fn page() -> Page<'static> {
    let word = keep("W".repeat(1_000_000));
    let wide = keep("漢".repeat(400_000));
    let mut page = normal("en");
    page.group = "</title><script>window.hacked=1</script>";
    page.case = CLOSING.into();
    page.request_ref = Some(IMAGE);
    page.operator = ATTRIBUTE;
    page.software = SCRIPT;
    page.sequence = 3;
    page.earlier = vec![Link { sequence: 2, assembled_at: None, complete: None, tagmanifest_sha256: IMAGE.into() }];

    let mut arabic = entity("e-ar", "شركة هالدن للتجارة (ذ.م.م) – 2026", "EG", Disposition::Fulfilled);
    arabic.contact = Some(IMAGE);
    arabic.authority = Some(CLOSING);
    arabic.in_archive = Some(3);
    arabic.answers = vec![Answer {
        controller: None,
        dataset: "d",
        disposition: Disposition::Fulfilled,
        reason: Some(SCRIPT),
        rows: 1,
        snapshot_at: None,
    }];
    arabic.collections = vec![collection(word, wide)];
    let document = |path: &'static str| FileLink { path: path.into(), rows: None, bytes: u64::MAX };
    arabic.attachments = Attachments {
        files: [LINK, "../../etc/passwd", "a/\"><b>.pdf", TURNED, "//evil.example/x", "a#b?c%2e%2e.pdf", word]
            .map(document)
            .into(),
        total: 50_000,
        bytes: u64::MAX,
    };
    arabic.information = Some(information(word));

    let mut hebrew = entity("e-he", "הלדן ישראל בע\"מ", "IL", Disposition::Refused);
    hebrew.answers = vec![Answer {
        controller: Some(SCRIPT),
        dataset: IMAGE,
        disposition: Disposition::Refused,
        reason: Some(CLOSING),
        rows: 0,
        snapshot_at: None,
    }];
    hebrew.not_searched =
        vec![Gap { dataset: SCRIPT, collection: Some(IMAGE), reason: GapReason::Unavailable, detail: ATTRIBUTE }];

    let mut long = entity("e-long", word, "<b>", Disposition::Unreachable);
    long.observed = Some(Observed {
        since: at("2026-01-01T00:00:00Z"),
        last_attempt: None,
        attempts: u32::MAX,
        reason: IMAGE.into(),
    });

    // It says that it is complete, and that it is not.
    let mut liar = entity("e-liar", TURNED, "FR", Disposition::Pending);
    liar.complete = true;
    page.complete = true;
    page.entities = vec![arabic, hebrew, long, liar];
    page.overview = vec![Category {
        key: IMAGE,
        differs: true,
        values: vec![Value {
            entity: SCRIPT,
            collection: Text::plain(CLOSING),
            column: Text::plain(TURNED),
            values: vec![word, CONTROLS, ATTRIBUTE],
            more: true,
        }],
    }];
    page
}

fn collection(word: &'static str, wide: &'static str) -> Collection<'static> {
    let column = |name| Column { name, title: Some(Text::plain(name)), ..Column::default() };
    let mut typed = column(SCRIPT);
    typed.kind = Kind::Datetime;
    typed.unit = Some(IMAGE);
    typed.codes = vec![Code { value: IMAGE, label: Text::plain(CLOSING) }];
    typed.categories = vec![SCRIPT, "user.name"];
    typed.description = Some(Text::plain(ATTRIBUTE));
    let texts = [SCRIPT, IMAGE, CLOSING, ATTRIBUTE, TURNED, CONTROLS, ENTITY, word, wide, LINK, "מפת 123 abc", "", " "];
    let mut rows: Vec<Vec<Cell<'_>>> =
        texts.iter().map(|text| vec![Cell::Text(text), Cell::Text(text), Cell::Null]).collect();
    rows.push(vec![Cell::File { path: LINK }, Cell::File { path: "../../../etc/passwd" }, Cell::File { path: IMAGE }]);
    rows.push(vec![Cell::Cut { text: CLOSING, bytes: u64::MAX }]);
    // More cells than columns.
    rows.push(vec![Cell::Text(SCRIPT); 6]);
    Collection {
        dataset: "d",
        dataset_title: Some(Text::plain(SCRIPT)),
        dataset_description: Some(Text::plain(TURNED)),
        name: CLOSING,
        title: Some(Text::plain(IMAGE)),
        description: Some(Text::plain(SCRIPT)),
        columns: vec![typed, column(TURNED), column(word)],
        rows,
        total_rows: 3,
        files: vec![FileLink { path: LINK.into(), rows: Some(u64::MAX), bytes: 1 }],
        sealed: false,
        hidden: Vec::new(),
    }
}

fn information(word: &'static str) -> Information<'static> {
    let processing = Processing {
        name: Some(SCRIPT),
        data_use: Some(IMAGE),
        categories: vec![CLOSING, "user.financial"],
        legal_basis: Some(ATTRIBUTE),
        special_category_basis: Some(TURNED),
        retention_period: Some(word),
        recipients: vec![CONTROLS, ENTITY],
        sources: vec![LINK],
    };
    let system = System {
        key: IMAGE,
        name: Some(CLOSING),
        description: Some(SCRIPT),
        joint_controller: Some(IMAGE),
        international_transfers: Some(true),
        transfer_safeguards: vec![SCRIPT],
        processing: vec![processing],
    };
    Information { systems: vec![system, System { key: "empty", ..System::default() }] }
}

//! START-HERE.html: the one page of an archive that an ordinary person opens. It is told what to show as a [`Page`] and
//! knows neither the archive's files nor its signatures; `tributary-archive` fills the page and puts it into the bag.
//! Everything that it shows is hostile text: it is escaped, isolated and bounded here, and nowhere else.

mod cell;
mod escape;
mod html;
mod link;
mod locale;
mod model;
mod names;
mod section;
mod standing;
mod words;

use html::Html;

pub use model::collection::{Attachments, Cell, Code, Collection, Column, FileLink, Kind};
pub use model::entity::{Answer, Entity, Gap, GapReason, Observed};
pub use model::hidden::{Hidden, HiddenReason};
pub use model::information::{Information, Processing, System};
pub use model::overview::{Category, Value};
pub use model::page::{Link, Page};
pub use model::text::Text;

/// Where the page lies in the bag.
pub const PAGE_PATH: &str = "START-HERE.html";
/// Where the page looks for a neighbour in the bag. When it finds none, it was opened from inside a ZIP window.
pub const MARK_PATH: &str = "mark.svg";
/// The file at [`MARK_PATH`], a small drawing that the page shows beside its title.
pub const MARK: &[u8] = include_bytes!("mark.svg");

/// The page as one HTML file. The same page gives the same bytes.
pub fn render(page: &Page<'_>) -> Vec<u8> {
    let mut html = Html::new(words::of(page.language));
    write(&mut html, page);
    html.finish()
}

/// The sections, in order.
fn write(html: &mut Html, page: &Page<'_>) {
    section::frame::open(html, page);
    html.raw("<main>\n");
    section::letter::write(html, page);
    section::frame::contents(html, page);
    section::missing::write(html, page);
    section::answers::write(html, page);
    section::overview::write(html, page);
    section::data::write(html, page);
    section::information::write(html, page);
    section::rights::write(html, page);
    section::chain::write(html, page);
    section::check::write(html, page);
    html.raw("</main>\n");
    section::frame::close(html, page);
}

//! What the page is told. Texts are borrowed where the caller has them, since previews may be megabytes; whatever has to
//! be written out first is owned. Nothing here is trusted: the parts that render it are next door, in `section`.

pub(crate) mod collection;
pub(crate) mod entity;
pub(crate) mod hidden;
pub(crate) mod information;
pub(crate) mod overview;
pub(crate) mod page;
pub(crate) mod text;

//! Columns that have not all characters: what they cannot hold is in none of their rows, and must not be compared in a form
//! that they can hold.

use sqlx::Executor;

use super::Database;
use crate::source::ReadError;
use crate::source::server::engine::Engine;
use crate::source::server::fit::Fitted;
use crate::source::server::table::Table;

impl<E: Engine> Database<E>
where
    for<'c> &'c mut <E::Db as sqlx::Database>::Connection: Executor<'c, Database = E::Db>,
{
    /// Leaves out the values that are in no row because a column has not all of their characters.
    pub(super) fn leave_out_unwritable(
        &self,
        table: &Table,
        fields: &[usize],
        values: &mut Vec<Vec<Fitted>>,
    ) -> Result<(), ReadError> {
        let mut link = self.link.borrow_mut();
        for (at, &field) in fields.iter().enumerate() {
            let column = &table.columns[field];
            if !E::lacks_characters(link.session(), column) {
                continue;
            }
            let in_doubt = |tuple: &Vec<Fitted>| match &tuple[at] {
                // What is written in ASCII alone is in every character set, but for letters in place of `{|}` in one.
                Fitted::Text(text) if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.@+ ".contains(&b)) => {
                    Some(text.clone())
                }
                _ => None,
            };
            let texts: Vec<String> = values.iter().filter_map(in_doubt).collect();
            if texts.is_empty() {
                continue;
            }
            let unwritable = E::unwritable(&mut link, column, &texts)?;
            values.retain(|tuple| !matches!(&tuple[at], Fitted::Text(text) if unwritable.contains(text)));
        }
        Ok(())
    }
}

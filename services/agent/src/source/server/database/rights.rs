//! What the agent's user may not read, asked with statements that give no row: `check` tells it before a request meets it.

use sqlx::Executor;

use super::{Database, positions};
use crate::source::server::decoded::Decoded;
use crate::source::server::engine::{Bind, Engine, Mode};
use crate::source::server::kind::Kind;
use crate::source::server::shape::Shape;
use crate::source::server::table::Table;
use crate::source::{Query, ReadError};
use crate::value::Cell;

/// What keeps the user from reading all of a query's table, in words; `None` when nothing does.
pub(super) fn refused<E: Engine>(database: &mut Database<E>, query: &Query<'_>) -> Result<Option<String>, ReadError>
where
    for<'c> &'c mut <E::Db as sqlx::Database>::Connection: Executor<'c, Database = E::Db>,
{
    let table = match database.known(query.table) {
        Ok(Some(table)) => table,
        Ok(None) => return Ok(None),
        Err(ReadError::NotReadable(why)) => return Ok(Some(why)),
        Err(error) => return Err(error),
    };
    // What is declared and not there is told as such.
    let Ok(columns) = positions(&table, query) else { return Ok(None) };
    if has_policies(database, &table)? {
        let what = "row-level policies apply to the agent's user, so rows may be hidden from it";
        return Ok(Some(format!("{what}; let it read past them (BYPASSRLS), or have none on the table apply to it")));
    }
    let Some(why) = refuses(database, &table, query, columns.clone())? else { return Ok(None) };
    let mut names = Vec::new();
    for (&column, name) in columns.iter().zip(query.columns) {
        let alone = Query { columns: std::slice::from_ref(name), primary_key: &[], ..*query };
        if refuses(database, &table, &alone, vec![column])?.is_some() {
            names.push(format!("`{name}`"));
        }
    }
    let all = names.is_empty() || names.len() == columns.len();
    Ok(Some(if all { why } else { format!("{}: {why}", names.join(", ")) }))
}

fn refuses<E: Engine>(
    database: &Database<E>,
    table: &Table,
    query: &Query<'_>,
    columns: Vec<usize>,
) -> Result<Option<String>, ReadError>
where
    for<'c> &'c mut <E::Db as sqlx::Database>::Connection: Executor<'c, Database = E::Db>,
{
    let mut link = database.link.borrow_mut();
    let shape = Shape::new(table, query, columns, link.session().packet);
    let sql = format!("{} LIMIT 0", E::sql(&shape, &[], Mode::All));
    match link.each(&sql, Vec::new(), false, &mut |_| Ok(())) {
        Ok(()) => Ok(None),
        Err(ReadError::NotReadable(why)) => Ok(Some(why)),
        Err(error) => Err(error),
    }
}

fn has_policies<E: Engine>(database: &Database<E>, table: &Table) -> Result<bool, ReadError>
where
    for<'c> &'c mut <E::Db as sqlx::Database>::Connection: Executor<'c, Database = E::Db>,
{
    let Some(sql) = E::POLICIES else { return Ok(false) };
    let (mut answer, mut active) = (Decoded::default(), false);
    database.link.borrow_mut().each(sql, vec![Bind::Text(table.sql.clone())], false, &mut |row| {
        answer.clear();
        E::decode(row, 0, Kind::Bool, false, &mut answer)?;
        active = answer.cell(0) == Cell::Bool(true);
        Ok(())
    })?;
    Ok(active)
}

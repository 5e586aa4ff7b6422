//! The index that would spare a search by identifier from reading the whole table, as a statement to try.

/// `CREATE INDEX …`, with names quoted where they must be.
pub(super) fn statement(table: &str, column: &str, kind: &str) -> String {
    let (table, column) = (quoted(table), quoted(column));
    match kind {
        "email" => format!(
            "CREATE INDEX ON {table} (lower({column})); in SQLite: ({column} COLLATE NOCASE); in MySQL: ({column})"
        ),
        _ => format!("CREATE INDEX ON {table} ({column})"),
    }
}

fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.chars().all(plain) { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

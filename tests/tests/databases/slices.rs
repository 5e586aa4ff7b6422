//! Large values in slices: each byte of them comes, blanks too.

use tributary_model::right::TableFormat::Csv;
use tributary_tests::servers::Engine;

use super::support::Entity;

const FILES: &str = "
      - name: file
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
          - {name: body}
";

#[test]
fn blanks_that_fill_a_slice_of_a_large_text_are_no_end_of_it() {
    // A slice of such text is 262,144 characters: three blanks are in one of their own at the end of the first text, and
    // blanks fill one and more in the middle of the second.
    let sql = "CREATE TABLE file (id INTEGER PRIMARY KEY, email VARCHAR(50), body LONGTEXT CHARACTER SET latin1);
        INSERT INTO file VALUES (1, 'anna@x.org', concat(repeat('é', 2097152), '   ')),
          (2, 'anna@x.org', concat(repeat('a', 1000000), repeat(' ', 1000000), 'z'));";
    let parts = Entity::on(Engine::MariaDb, FILES, sql).collect(Csv);
    assert!(parts.collected.not_searched.is_empty(), "{:?}", parts.collected.not_searched);
    let plain = parts.plain();
    let files: Vec<&Vec<u8>> =
        plain.iter().filter(|(path, _)| path.ends_with(".txt")).map(|(_, bytes)| bytes).collect();
    let texts =
        [format!("{}   ", "é".repeat(2_097_152)), format!("{}{}z", "a".repeat(1_000_000), " ".repeat(1_000_000))];
    let lengths: Vec<usize> = files.iter().map(|file| file.len()).collect();
    assert!(files == texts.each_ref().map(String::as_bytes), "{lengths:?}");
}

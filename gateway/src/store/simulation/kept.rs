//! Schedules that once failed, by the promise they broke. Each is a file in `tests/seeds`, as a failure prints it.

macro_rules! kept {
    ($($promise:ident),* $(,)?) => {
        $(
            #[test]
            fn $promise() {
                super::keeps(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/seeds/", stringify!($promise), ".txt")));
            }
        )*
    };
}

kept!(
    an_answer_without_parts_that_is_asked_anew_gets_no_parts_in_its_archive,
    what_an_entity_answers_anew_is_no_part_of_an_earlier_archive,
);

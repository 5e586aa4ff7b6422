//! The published vectors for identifiers, one file per kind.
#![cfg(test)]

use serde::Deserialize;
use tributary_model::id::{CountryCode, IdentifierType};
use tributary_model::identifier::{CheckDigits, Folding, Identifier, Spellings};

#[derive(Deserialize)]
struct File {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    #[serde(rename = "type")]
    kind: IdentifierType,
    given: String,
    country: Option<CountryCode>,
    folding: Option<String>,
    normal: String,
    #[serde(default)]
    same: Vec<String>,
    #[serde(default)]
    other: Vec<String>,
    #[serde(default)]
    sought: Vec<String>,
    check: Option<String>,
    source: String,
}

fn hold(file: &str) {
    let path = format!("{}/tests/vectors/{file}.json", env!("CARGO_MANIFEST_DIR"));
    let file: File = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let wrong: Vec<String> = file.vectors.iter().flat_map(wrong).collect();
    assert!(!file.vectors.is_empty() && wrong.is_empty(), "{}", wrong.join("\n"));
}

fn wrong(vector: &Vector) -> Vec<String> {
    let identifier = Identifier::new(vector.kind.clone(), &vector.given).unwrap();
    let spellings = Spellings::new(&identifier, vector.country.as_ref());
    let folding = vector.folding.as_ref().map_or(Folding::of(&vector.kind), |word| word.parse().unwrap());
    let check = match spellings.check_digits() {
        CheckDigits::Fit => "fit",
        CheckDigits::Differ => "differ",
        CheckDigits::Unknown => "unknown",
    };
    let all: Vec<&str> = spellings.all().iter().map(|s| s.expose().as_str()).collect();
    let mut wrong = Vec::new();
    let mut expect = |holds: bool, what: &str, text: &str| {
        if !holds {
            wrong.push(format!("{} `{}`: {what} `{text}` ({})", vector.kind, vector.given, vector.source));
        }
    };
    expect(!vector.source.is_empty(), "has no source", "");
    expect(all[0] == vector.given.trim(), "is not sought as given:", all[0]);
    expect(spellings.normal().expose() == &vector.normal, "normal form is", spellings.normal().expose());
    expect(vector.check.as_deref().is_none_or(|expected| expected == check), "check digits are", check);
    vector.same.iter().for_each(|stored| expect(spellings.contains(stored, folding), "must find", stored));
    vector.other.iter().for_each(|stored| expect(!spellings.contains(stored, folding), "must not find", stored));
    vector.sought.iter().for_each(|text| expect(all.contains(&text.as_str()), "must seek", text));
    wrong
}

#[test]
fn e_mail_addresses_are_found_in_any_case_and_with_either_form_of_their_domain() {
    hold("email");
}

#[test]
fn telephone_numbers_are_those_of_the_entitys_country_unless_they_name_another() {
    hold("phone_number");
}

#[test]
fn national_numbers_are_found_however_they_are_punctuated_and_never_refused() {
    hold("national_number");
}

#[test]
fn accounts_are_found_in_groups_and_without() {
    hold("iban");
}

#[test]
fn days_are_read_only_where_they_can_be_read_in_one_way() {
    hold("date_of_birth");
}

#[test]
fn types_of_ones_own_are_text_unless_the_manifest_says_otherwise() {
    hold("custom");
}

#[test]
fn a_stored_number_has_no_leading_zeros() {
    let number = Identifier::new("customer_number".parse().unwrap(), "00042").unwrap();
    let spellings = Spellings::new(&number, None);
    assert!(spellings.contains_number(42, Folding::Exact) && !spellings.contains_number(420, Folding::Exact));
    let phone = Identifier::new("phone_number".parse().unwrap(), "0470 12 34 56").unwrap();
    let spellings = Spellings::new(&phone, Some(&"BE".parse().unwrap()));
    assert!([32_470_123_456, 470_123_456].iter().all(|&n| spellings.contains_number(n, Folding::Punctuation)));
}

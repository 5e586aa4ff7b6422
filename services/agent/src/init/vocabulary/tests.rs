//! What names are taken for, and that the shipped files are what they should be.

use super::*;

fn category(name: &str, kind: ColumnKind, table: &str) -> Option<String> {
    let vocabulary = Vocabulary::shipped().unwrap();
    vocabulary.column(name, kind, table).map(|named| vocabulary.concept(&named).category.clone())
}

#[test]
fn columns_are_known_in_six_languages_and_every_spelling() {
    let text = ColumnKind::Text;
    for (name, expected) in [
        ("email", "user.contact.email"),
        ("EMail", "user.contact.email"),
        ("customer_e_mail", "user.contact.email"),
        ("emailadres", "user.contact.email"),
        ("Klantemail", "user.contact.email"),
        ("adresse_mail", "user.contact.email"),
        ("correo_electronico", "user.contact.email"),
        ("telefon_komorkowy", "user.contact.phone_number"),
        ("phone2", "user.contact.phone_number"),
        ("Telefonnummer", "user.contact.phone_number"),
        ("voornaam", "user.name.first"),
        ("Prénom", "user.name.first"),
        ("Imię", "user.name.first"),
        ("FIRSTNAME", "user.name.first"),
        ("apellidos", "user.name.last"),
        ("billing_city", "user.contact.address.city"),
        ("factuur_plaats", "user.contact.address.city"),
        ("adresse_livraison", "user.contact.address.street"),
        ("address_line_2", "user.contact.address.street"),
        ("Straße", "user.contact.address.street"),
        ("kod_pocztowy", "user.contact.address.postal_code"),
        ("geboortedatum", "user.demographic.date_of_birth"),
        ("Kundennummer", "user.unique_id"),
        ("rijksregisternummer", "user.government_id.national_identification_number"),
        ("iban", "user.financial.bank_account"),
        ("password_hash", "user.authorization.password"),
        ("remote_addr", "user.device.ip_address"),
        ("opmerkingen", "user.content.private"),
    ] {
        assert_eq!(category(name, text, "t").as_deref(), Some(expected), "{name}");
    }
}

#[test]
fn what_only_ends_or_begins_like_one_is_not_taken_for_it() {
    for name in ["email_verified_at", "file_name", "product_name_id", "status", "order_state", "nameplate", "citylight"]
    {
        let found = category(name, ColumnKind::Text, "t");
        assert_eq!(found, None, "{name}");
    }
    assert_eq!(category("email", ColumnKind::Boolean, "t"), None, "whether there is one is no address");
    assert_eq!(category("total", ColumnKind::Text, "t"), None);
}

#[test]
fn tables_are_known_by_what_stands_for_the_thing_in_their_language() {
    let vocabulary = Vocabulary::shipped().unwrap();
    let kind = |name: &str| vocabulary.table(name).map(|named| vocabulary.table_concept(&named).kind);
    use TableKind::{Organisation, People, Records, Shared, Staff, Technical};
    for (name, expected) in [
        ("customers", Some(People)),
        ("tbl_klanten", Some(People)),
        ("KLANTENBESTAND", Some(People)),
        ("shop_customer", Some(People)),
        ("customer_address", Some(Shared)),
        ("klantadres", Some(Shared)),
        ("Employee", Some(Staff)),
        ("user_session", Some(Records)),
        ("commande_client", Some(Records)),
        ("bestelregels", Some(Records)),
        ("newsletter_subscribers", Some(Records)),
        ("suppliers", Some(Organisation)),
        ("schema_migrations", Some(Technical)),
        ("product", None),
        ("colour", None),
    ] {
        assert_eq!(kind(name), expected, "{name}");
    }
}

#[test]
fn who_handles_a_row_is_told_from_whom_it_is_about() {
    let vocabulary = Vocabulary::shipped().unwrap();
    for actor in ["created_by", "CreatedByUserId", "SupportRepId", "assigned_to_id", "behandelaar_id", "sales_rep"] {
        assert!(vocabulary.is_actor(actor), "{actor}");
    }
    for subject in ["customer_id", "user_id", "klant_nr", "sender_id", "KundeId"] {
        assert!(!vocabulary.is_actor(subject), "{subject}");
    }
    assert!(vocabulary.is_other("recipient_email") && vocabulary.is_other("emergency_contact_phone"));
    assert!(!vocabulary.is_other("customer_email"));
}

/// Categories of the Fideslang default taxonomy that a guess may name.
#[test]
fn every_category_has_the_form_of_one_and_every_concept_an_english_label() {
    let vocabulary = Vocabulary::shipped().unwrap();
    assert!(vocabulary.columns.len() > 40 && vocabulary.tables.len() > 10);
    let labels = vocabulary.columns.iter().map(|c| (&c.category, &c.labels));
    for (category, labels) in labels.chain(vocabulary.tables.iter().map(|t| (&t.category, &t.labels))) {
        assert!(category.starts_with("user") || category.starts_with("system"), "{category}");
        assert!(labels.contains_key("en"), "{category}");
    }
    for name in vocabulary.column_names.known.keys().chain(vocabulary.table_names.known.keys()) {
        assert_eq!(crate::init::words::plain(name), *name, "written as it is compared");
    }
}

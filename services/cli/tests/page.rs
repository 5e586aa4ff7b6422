//! START-HERE.html of a real case, as a person who reads French finds it: from the manifests of six agents, through the
//! gateway, to the page inside the archive.

#![expect(clippy::unwrap_used, reason = "a step of the set-up that fails is a failed test")]

use std::path::Path;
use std::process::Command;

/// Runs the demo for a reader of French and unpacks its archive; the page's text.
fn page(folder: &Path) -> String {
    let run = |args: &[&str]| {
        let ran = Command::new(env!("CARGO_BIN_EXE_tributary")).current_dir(folder).args(args).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        ran.stdout
    };
    // A longer window than the default: other tests keep the machine busy meanwhile.
    let demo = run(&["demo", "--dir", "d", "--window", "12", "--language", "fr", "--output", "json"]);
    let result: serde_json::Value = serde_json::from_slice(&demo).unwrap();
    run(&["archive", "extract", result["archive"].as_str().unwrap(), "--to", "x"]);
    std::fs::read_to_string(folder.join("x/START-HERE.html")).unwrap()
}

/// What is read on it: tags gone, entities that the page writes resolved.
fn text(html: &str) -> String {
    let pieces = html.split('<').map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text));
    let text: String = pieces.collect();
    text.replace("&#39;", "'").replace("&quot;", "\"").replace("&amp;", "&").replace('\u{a0}', " ")
}

/// The section with this id, to the end of the section.
fn section<'t>(html: &'t str, id: &str) -> &'t str {
    let start = html.find(&format!("<section id={id} ")).unwrap_or_else(|| panic!("no section {id}"));
    let section = &html[start..];
    &section[..section.find("</section>").unwrap()]
}

#[test]
fn what_manifests_say_reaches_the_person_in_their_language() {
    let folder = tempfile::tempdir().unwrap();
    let html = page(folder.path());
    assert!(html.contains("<html lang=\"fr\""), "the page is in French");

    let missing = html.find("<section id=missing ").unwrap();
    let data = html.find("<section id=data ").unwrap();
    assert!(missing < data, "what is missing comes before any data");
    let gone = text(section(&html, "missing"));
    assert!(gone.contains("Halden Polska sp. z o.o.") && gone.contains("Halden UK Ltd"), "{gone}");

    let data = text(section(&html, "data"));
    for name in
        ["Boutique en ligne", "Votre compte et vos commandes", "Programme de fidélité", "Contrats d'électricité"]
    {
        assert!(data.contains(name), "the system {name:?} is called what its manifest calls it");
    }
    for name in ["Commandes", "Numéro de commande", "Passée le", "Points comptabilisés", "Relevés du compteur"] {
        assert!(data.contains(name), "{name:?} is the name for people");
    }
    assert!(["reçue", "payée", "expédiée", "retournée"].iter().any(|state| data.contains(state)), "codes are decoded");

    let orders = section(&html, "data");
    let orders = &orders[orders.find(">Passée le").unwrap()..];
    let orders = &orders[..orders.find("</table>").unwrap()];
    assert!(orders.contains("<td>8 févr. 2024, 10:11:44"), "seconds since 1970 are shown as French dates: {orders}");

    let overview = section(&html, "overview");
    let of = |category: &str| {
        let category = &overview[overview.find(&format!(">{category} <small>")).unwrap()..];
        &category[..category.find("</table>").unwrap()]
    };
    assert!(of("Compte").contains("<p class=differs>") && text(of("Compte")).contains("Les enregistrements diffèrent"));
    assert!(!of("Adresse e-mail").contains("<p class=differs>") && of("Adresse e-mail").contains("Halden Belgium NV"));

    // Nobody at the energy company wrote down how long it keeps photos of contracts.
    let information = text(section(&html, "information"));
    let lacking =
        information.split("non consigné par Halden Energie GmbH").nth(1).expect("what is not recorded is said");
    assert!(lacking[..lacking.find('\n').unwrap_or(lacking.len())].contains("Durée de conservation"), "{lacking}");
}

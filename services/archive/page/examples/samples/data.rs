//! Kinds of data that the samples share.

use tributary_model::language::Language;
use tributary_page::{Cell, Code, Collection, Column, FileLink, Hidden, HiddenReason, Kind, Text};

use super::{keep, label};

pub(crate) fn file(path: &'static str, rows: u64, bytes: u64) -> FileLink<'static> {
    FileLink { path: path.into(), rows: Some(rows), bytes }
}

fn column(
    name: &'static str,
    kind: Kind,
    category: &'static str,
    titles: &[(&str, &str)],
    reader: &Language,
) -> Column<'static> {
    Column { name, kind, categories: vec![category], title: label(titles, reader), ..Column::default() }
}

/// One customer.
pub(crate) fn customers(reader: &Language) -> Collection<'static> {
    let id = column(
        "customer_id",
        Kind::Integer,
        "user.unique_id",
        &[
            ("en", "Customer number"),
            ("fr", "Numéro de client"),
            ("nl", "Klantnummer"),
            ("de", "Kundennummer"),
            ("es", "Número de cliente"),
        ],
        reader,
    );
    let name = column(
        "full_name",
        Kind::Text,
        "user.name",
        &[("en", "Name"), ("fr", "Nom"), ("nl", "Naam"), ("de", "Name"), ("es", "Nombre")],
        reader,
    );
    let email = column(
        "email",
        Kind::Text,
        "user.contact.email",
        &[
            ("en", "E-mail address"),
            ("fr", "Adresse e-mail"),
            ("nl", "E-mailadres"),
            ("de", "E-Mail-Adresse"),
            ("es", "Correo electrónico"),
        ],
        reader,
    );
    let born = column(
        "birth_date",
        Kind::Date,
        "user.demographic.date_of_birth",
        &[
            ("en", "Date of birth"),
            ("fr", "Date de naissance"),
            ("nl", "Geboortedatum"),
            ("de", "Geburtsdatum"),
            ("es", "Fecha de nacimiento"),
        ],
        reader,
    );
    let mut news = column(
        "newsletter",
        Kind::Boolean,
        "user.privacy_preferences",
        &[
            ("en", "Newsletter"),
            ("fr", "Lettre d’information"),
            ("nl", "Nieuwsbrief"),
            ("de", "Newsletter"),
            ("es", "Boletín"),
        ],
        reader,
    );
    news.description = label(
        &[
            ("en", "Whether you receive the monthly newsletter."),
            ("fr", "Si vous recevez la lettre d’information mensuelle."),
        ],
        reader,
    );
    let mut status = column(
        "status",
        Kind::Text,
        "user.account",
        &[("en", "Status"), ("fr", "Statut"), ("nl", "Status"), ("de", "Status"), ("es", "Estado")],
        reader,
    );
    let codes: [(&str, &[(&str, &str)]); 2] = [
        ("A", &[("en", "active"), ("fr", "actif"), ("nl", "actief"), ("de", "aktiv"), ("es", "activo")]),
        ("C", &[("en", "closed"), ("fr", "clôturé"), ("nl", "gesloten"), ("de", "geschlossen"), ("es", "cerrado")]),
    ];
    status.codes =
        codes.iter().filter_map(|(value, texts)| Some(Code { value, label: label(texts, reader)? })).collect();
    let note = column(
        "note",
        Kind::Text,
        "user.content.private",
        &[("en", "Note"), ("fr", "Note"), ("nl", "Notitie"), ("de", "Notiz"), ("es", "Nota")],
        reader,
    );
    let row = vec![
        Cell::Text("204817"),
        Cell::Text("Élodie Vandenbroucke"),
        Cell::Text("elodie.vandenbroucke@example.org"),
        Cell::Text("1984-11-02"),
        Cell::Text("false"),
        Cell::Text("A"),
        Cell::Hidden(HiddenReason::FreeText),
    ];
    Collection {
        dataset: "crm",
        dataset_title: label(
            &[("en", "Customers"), ("fr", "Clientèle"), ("nl", "Klanten"), ("de", "Kundschaft"), ("es", "Clientela")],
            reader,
        ),
        dataset_description: None,
        name: "customer",
        title: label(
            &[
                ("en", "Customer record"),
                ("fr", "Fiche client"),
                ("nl", "Klantgegevens"),
                ("de", "Kundendaten"),
                ("es", "Ficha de cliente"),
            ],
            reader,
        ),
        description: label(
            &[
                ("en", "What the shop knows about you as a customer."),
                ("fr", "Ce que le magasin sait de vous en tant que client."),
                ("nl", "Wat de winkel over u als klant weet."),
                ("de", "Was der Laden über Sie als Kundin oder Kunden weiß."),
                ("es", "Lo que la tienda sabe de usted como cliente."),
            ],
            reader,
        ),
        columns: vec![id, name, email, born, news, status, note],
        rows: vec![row],
        total_rows: 1,
        files: vec![file("crm/customer-0001.csv", 1, 214)],
        sealed: false,
        hidden: vec![Hidden { reason: HiddenReason::FreeText, values: 1, rows: 2 }],
    }
}

/// Many orders, of which the first are shown.
pub(crate) fn orders(reader: &Language, shown: usize, total: u64) -> Collection<'static> {
    let number = column(
        "order_no",
        Kind::Text,
        "user.behavior.purchase_history",
        &[("en", "Order"), ("fr", "Commande"), ("nl", "Bestelling"), ("de", "Bestellung"), ("es", "Pedido")],
        reader,
    );
    let when = column(
        "ordered_at",
        Kind::Datetime,
        "user.behavior.purchase_history",
        &[("en", "Ordered"), ("fr", "Commandé le"), ("nl", "Besteld op"), ("de", "Bestellt am"), ("es", "Pedido el")],
        reader,
    );
    let article = column(
        "article",
        Kind::Text,
        "user.behavior.purchase_history",
        &[("en", "Article"), ("fr", "Article"), ("nl", "Artikel"), ("de", "Artikel"), ("es", "Artículo")],
        reader,
    );
    let mut amount = column(
        "amount",
        Kind::Number,
        "user.financial",
        &[("en", "Amount"), ("fr", "Montant"), ("nl", "Bedrag"), ("de", "Betrag"), ("es", "Importe")],
        reader,
    );
    amount.unit = Some("EUR");
    let articles =
        ["Wool blanket, grey", "Tea kettle 1.2 l", "Desk lamp “Nova”", "Set of six glasses", "Bath towel, 70 × 140"];
    let rows = (0..shown).map(|n| {
        let day =
            keep(format!("2026-{:02}-{:02}T{:02}:{:02}:00Z", 10 - n / 28 % 10, 28 - n % 28, 8 + n % 12, n * 7 % 60));
        let amount = keep(format!("{}.{:02}", 12 + n * 37 % 1900, n * 13 % 100));
        let number = keep(format!("B-2026-{:05}", 90_412 - n * 3));
        vec![Cell::Text(number), Cell::Text(day), Cell::Text(articles[n % articles.len()]), Cell::Text(amount)]
    });
    Collection {
        dataset: "shop",
        dataset_title: None,
        dataset_description: None,
        name: "purchase",
        title: label(
            &[("en", "Orders"), ("fr", "Commandes"), ("nl", "Bestellingen"), ("de", "Bestellungen"), ("es", "Pedidos")],
            reader,
        ),
        description: None,
        columns: vec![number, when, article, amount],
        rows: rows.collect(),
        total_rows: total,
        files: vec![
            file("shop/purchase-0001.csv", total / 2, 640_000),
            file("shop/purchase-0002.csv", total - total / 2, 611_300),
        ],
        sealed: false,
        hidden: Vec::new(),
    }
}

/// Messages, long ones cut, one with a file.
pub(crate) fn messages(reader: &Language) -> Collection<'static> {
    let when = column(
        "sent_at",
        Kind::Datetime,
        "user.content.private",
        &[("en", "Sent"), ("fr", "Envoyé"), ("nl", "Verzonden"), ("de", "Gesendet"), ("es", "Enviado")],
        reader,
    );
    let text = column(
        "text",
        Kind::Text,
        "user.content.private",
        &[("en", "Message"), ("fr", "Message"), ("nl", "Bericht"), ("de", "Nachricht"), ("es", "Mensaje")],
        reader,
    );
    let photo = column(
        "photo",
        Kind::Text,
        "user.content.self_image",
        &[("en", "Picture"), ("fr", "Image"), ("nl", "Afbeelding"), ("de", "Bild"), ("es", "Imagen")],
        reader,
    );
    let long = "Hello, the lamp that I ordered in March arrived with a cracked shade. I have packed it again with the receipt and would like to know whether you collect it or whether I should bring it to the shop in Ghent. I am at home on weekdays after five.";
    let rows = vec![
        vec![
            Cell::Text("2026-03-11T17:20:00+01:00"),
            Cell::Cut { text: long, bytes: 5_412 },
            Cell::File { path: "support/message-photo-1.jpg" },
        ],
        vec![
            Cell::Text("2026-03-14T09:02:00+01:00"),
            Cell::Text("Thank you, it works now.\nKind regards\nÉ. V."),
            Cell::Null,
        ],
        vec![Cell::Text("2026-03-15T10:41:00+01:00"), Cell::Text("شكرا جزيلا"), Cell::Null],
    ];
    Collection {
        dataset: "support",
        dataset_title: label(
            &[
                ("en", "Support"),
                ("fr", "Assistance"),
                ("nl", "Ondersteuning"),
                ("de", "Kundendienst"),
                ("es", "Asistencia"),
            ],
            reader,
        ),
        dataset_description: label(
            &[
                ("en", "What you wrote to us and what we answered."),
                ("fr", "Ce que vous nous avez écrit, et nos réponses."),
            ],
            reader,
        ),
        name: "message",
        title: label(
            &[
                ("en", "Messages to customer support"),
                ("fr", "Messages au service clientèle"),
                ("nl", "Berichten aan de klantenservice"),
                ("de", "Nachrichten an den Kundendienst"),
                ("es", "Mensajes al servicio de atención"),
            ],
            reader,
        ),
        description: None,
        columns: vec![when, text, photo],
        rows,
        total_rows: 3,
        files: vec![file("support/message-0001.csv", 3, 6_011)],
        sealed: false,
        hidden: Vec::new(),
    }
}

/// Data that only the person can open.
pub(crate) fn sealed(reader: &Language) -> Collection<'static> {
    Collection {
        dataset: "health",
        name: "claim",
        title: label(
            &[
                ("en", "Sick notes"),
                ("fr", "Certificats médicaux"),
                ("nl", "Ziektebriefjes"),
                ("de", "Krankmeldungen"),
                ("es", "Partes de baja"),
            ],
            reader,
        ),
        description: Some(Text::plain("Sick notes that you handed in while you worked for us.")),
        total_rows: 4,
        files: vec![FileLink { path: "health/claim-0001.csv.age".into(), rows: None, bytes: 1_344 }],
        sealed: true,
        hidden: Vec::new(),
        ..Collection::default()
    }
}

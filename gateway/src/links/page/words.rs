//! The words of the pages, language by language. What is missing in a language would be seen by a person: the type
//! makes each one whole.

/// Every text of the pages in one language.
pub(in crate::links) struct Words {
    /// Its tag.
    pub(in crate::links) language: &'static str,
    pub(super) title: &'static str,
    pub(super) intro: &'static str,
    pub(super) size: &'static str,
    pub(super) until: &'static str,
    pub(super) button: &'static str,
    pub(super) hint: &'static str,
    pub(super) gone_title: &'static str,
    pub(super) gone: &'static str,
    pub(super) busy_title: &'static str,
    pub(super) busy: &'static str,
}

/// The languages there are.
pub(in crate::links) const LANGUAGES: &[&str] = &["en", "fr", "nl", "de", "es"];

/// The words of a language; English where there are none.
pub(in crate::links) fn words(language: Option<&str>) -> &'static Words {
    match language {
        Some("fr") => &FRENCH,
        Some("nl") => &DUTCH,
        Some("de") => &GERMAN,
        Some("es") => &SPANISH,
        _ => &ENGLISH,
    }
}

static ENGLISH: Words = Words {
    language: "en",
    title: "Your personal data is ready",
    intro: "You asked for a copy of your personal data. This page lets you download it once you press the button.",
    size: "Size",
    until: "Available until",
    button: "Download my data",
    hint: "The link is meant for you alone: do not pass it on. The download is one ZIP file; open START-HERE.html in it \
           first. If it is interrupted, let your browser resume it within an hour.",
    gone_title: "This link does not work",
    gone: "It may have been used, have expired, been withdrawn, or been copied incompletely. Ask those who sent it to \
           you for a new one.",
    busy_title: "Please try again later",
    busy: "There are too many requests at the moment. Your link has not been used up: open it again in a few minutes.",
};

static FRENCH: Words = Words {
    language: "fr",
    title: "Vos données personnelles sont prêtes",
    intro: "Vous avez demandé une copie de vos données personnelles. Le bouton ci-dessous lance le téléchargement.",
    size: "Taille",
    until: "Disponible jusqu’au",
    button: "Télécharger mes données",
    hint: "Ce lien vous est réservé : ne le transmettez pas. Vous recevez un fichier ZIP ; ouvrez-y d’abord \
           START-HERE.html. En cas d’interruption, reprenez le téléchargement dans l’heure avec votre navigateur.",
    gone_title: "Ce lien ne fonctionne pas",
    gone: "Il a peut-être déjà servi, expiré, été retiré ou été copié incomplètement. Demandez-en un nouveau à ceux \
           qui vous l’ont envoyé.",
    busy_title: "Veuillez réessayer plus tard",
    busy: "Il y a trop de demandes en ce moment. Votre lien n’a pas été utilisé : rouvrez-le dans quelques minutes.",
};

static DUTCH: Words = Words {
    language: "nl",
    title: "Uw persoonsgegevens staan klaar",
    intro: "U hebt om een kopie van uw persoonsgegevens gevraagd. Met de knop hieronder begint het downloaden.",
    size: "Grootte",
    until: "Beschikbaar tot",
    button: "Mijn gegevens downloaden",
    hint: "Deze link is alleen voor u: geef hem niet door. U krijgt één ZIP-bestand; open daarin eerst START-HERE.html. \
           Wordt het downloaden onderbroken, laat uw browser het dan binnen een uur hervatten.",
    gone_title: "Deze link werkt niet",
    gone: "Misschien is hij al gebruikt, verlopen, ingetrokken of onvolledig gekopieerd. Vraag een nieuwe aan wie hem \
           u heeft gestuurd.",
    busy_title: "Probeer het later opnieuw",
    busy: "Er zijn op dit moment te veel aanvragen. Uw link is niet verbruikt: open hem over enkele minuten opnieuw.",
};

static GERMAN: Words = Words {
    language: "de",
    title: "Ihre personenbezogenen Daten liegen bereit",
    intro: "Sie haben eine Kopie Ihrer personenbezogenen Daten verlangt. Die Schaltfläche unten startet den Download.",
    size: "Größe",
    until: "Verfügbar bis",
    button: "Meine Daten herunterladen",
    hint: "Dieser Link ist nur für Sie bestimmt: Geben Sie ihn nicht weiter. Sie erhalten eine ZIP-Datei; öffnen Sie \
           darin zuerst START-HERE.html. Bei einer Unterbrechung setzen Sie den Download innerhalb einer Stunde fort.",
    gone_title: "Dieser Link funktioniert nicht",
    gone: "Vielleicht wurde er schon benutzt, ist abgelaufen, wurde zurückgezogen oder unvollständig kopiert. Bitten \
           Sie den Absender um einen neuen.",
    busy_title: "Bitte versuchen Sie es später noch einmal",
    busy: "Im Moment gibt es zu viele Anfragen. Ihr Link ist nicht verbraucht: Öffnen Sie ihn in einigen Minuten erneut.",
};

static SPANISH: Words = Words {
    language: "es",
    title: "Sus datos personales están listos",
    intro: "Usted pidió una copia de sus datos personales. El botón de abajo inicia la descarga.",
    size: "Tamaño",
    until: "Disponible hasta",
    button: "Descargar mis datos",
    hint: "Este enlace es solo para usted: no lo comparta. Recibirá un archivo ZIP; abra primero START-HERE.html. Si la \
           descarga se interrumpe, reanúdela con su navegador antes de una hora.",
    gone_title: "Este enlace no funciona",
    gone: "Puede que ya se haya usado, haya caducado, se haya retirado o se haya copiado incompleto. Pida uno nuevo a \
           quien se lo envió.",
    busy_title: "Inténtelo de nuevo más tarde",
    busy: "En este momento hay demasiadas solicitudes. Su enlace no se ha gastado: ábralo de nuevo en unos minutos.",
};

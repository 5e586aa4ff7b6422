//! What an entity recorded about its processing (Art. 15(1) and (2) GDPR), as the page shows it. What is empty or absent
//! here is shown as not recorded by that entity.

/// The record of one entity.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Information<'a> {
    /// Its systems.
    pub systems: Vec<System<'a>>,
}

/// One system.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct System<'a> {
    /// Its key.
    pub key: &'a str,
    /// Its name for people.
    pub name: Option<&'a str>,
    /// What it is.
    pub description: Option<&'a str>,
    /// Who is responsible besides the entity, Art. 26.
    pub joint_controller: Option<&'a str>,
    /// Whether it sends personal data to third countries, Art. 15(2); `None` when not recorded.
    pub international_transfers: Option<bool>,
    /// The safeguards of those transfers, as written.
    pub transfer_safeguards: Vec<&'a str>,
    /// What it processes and what for.
    pub processing: Vec<Processing<'a>>,
}

/// One processing of a system.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Processing<'a> {
    /// Its name for people.
    pub name: Option<&'a str>,
    /// The purpose, a Fideslang data use.
    pub data_use: Option<&'a str>,
    /// Fideslang data categories.
    pub categories: Vec<&'a str>,
    /// Legal basis as written, Art. 6.
    pub legal_basis: Option<&'a str>,
    /// Basis for special categories as written, Art. 9.
    pub special_category_basis: Option<&'a str>,
    /// Period or the criteria for it, as written.
    pub retention_period: Option<&'a str>,
    /// Recipients as written.
    pub recipients: Vec<&'a str>,
    /// Where the data come from when not from the person.
    pub sources: Vec<&'a str>,
}

//! The registry behind `/metrics`.

use prometheus::{Registry, TextEncoder};

/// Every metric of the process, in a form that Prometheus scrapes. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Metrics(Registry);

impl Metrics {
    /// An empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// The metrics as Prometheus text.
    ///
    /// # Errors
    /// When two metrics of one name disagree about what they are.
    pub fn render(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.0.gather())
    }

    pub(super) fn registry(&self) -> Registry {
        self.0.clone()
    }
}

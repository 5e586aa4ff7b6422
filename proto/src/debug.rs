//! `Debug` for messages that carry personal data: the name, nothing else.

use std::fmt;

macro_rules! masked {
    ($($message:path),+ $(,)?) => {
        $(impl fmt::Debug for $message {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($message), " [personal data]"))
            }
        })+
    };
}

masked!(
    crate::types::v1::Identifier,
    crate::agent::v1::LocateRequest,
    crate::agent::v1::StartExportRequest,
    crate::agent::v1::ReadPartResponse,
    crate::agent::v1::WatchExportResponse,
    crate::agent::v1::watch_export_response::Event,
    crate::agent::v1::Part,
    crate::agent::v1::Preview,
    crate::agent::v1::PreviewRow,
    crate::agent::v1::PreviewCell,
    crate::agent::v1::preview_cell::Content,
    crate::agent::v1::CutText,
    crate::agent::v1::OverviewField,
    crate::gateway::v1::OpenCaseRequest,
    crate::gateway::v1::ConfirmIdentityRequest,
    crate::gateway::v1::CancelCaseRequest,
    crate::gateway::v1::ConfirmDeliveryRequest,
    crate::gateway::v1::DownloadArchiveResponse,
    crate::gateway::v1::CreateLinkRequest,
    crate::gateway::v1::CreateLinkResponse,
    crate::gateway::v1::Link,
);

#[cfg(test)]
mod tests {
    #[test]
    fn a_message_with_personal_data_prints_its_name_only() {
        let identifier = crate::types::v1::Identifier { r#type: "email".into(), value: "anna@example.org".into() };
        let request = crate::gateway::v1::OpenCaseRequest { identifiers: vec![identifier], ..Default::default() };
        assert!(!format!("{request:?}").contains("anna"));
    }
}

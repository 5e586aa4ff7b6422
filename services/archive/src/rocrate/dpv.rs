//! Fideslang's words in those of the W3C Data Privacy Vocabulary (DPV 2), as far as they mean the same. The Fideslang key
//! always stands beside the term; where nothing fits, it stands alone.

/// The vocabulary's namespace.
pub(super) const NAMESPACE: &str = "https://w3id.org/dpv#";

/// Data uses and purposes; a use takes the entry of its nearest ancestor.
const PURPOSES: [(&str, &str); 20] = [
    ("analytics", "ServiceUsageAnalytics"),
    ("employment", "HumanResourceManagement"),
    ("employment.recruitment", "PersonnelHiring"),
    ("essential", "ServiceProvision"),
    ("essential.fraud_detection", "FraudPreventionAndDetection"),
    ("essential.legal_obligation", "LegalCompliance"),
    ("essential.service.authentication", "IdentityAuthentication"),
    ("essential.service.operations.support", "CustomerCare"),
    ("essential.service.payment_processing", "PaymentManagement"),
    ("essential.service.security", "EnforceSecurity"),
    ("functional", "ServiceProvision"),
    ("functional.service.improve", "ImproveExistingProductsAndServices"),
    ("marketing", "Marketing"),
    ("marketing.advertising", "Advertising"),
    ("marketing.advertising.first_party.targeted", "TargetedAdvertising"),
    ("marketing.advertising.third_party.targeted", "TargetedAdvertising"),
    ("marketing.communications", "DirectMarketing"),
    ("personalize", "Personalisation"),
    ("personalize.content", "ServicePersonalisation"),
    ("sales", "SellProducts"),
];

/// Legal bases as Fideslang spells them, in lower case.
const BASES: [(&str, &str); 6] = [
    ("consent", "Consent"),
    ("contract", "Contract"),
    ("legal obligations", "LegalObligation"),
    ("vital interests", "VitalInterest"),
    ("public interest", "PublicInterest"),
    ("legitimate interests", "LegitimateInterest"),
];

/// The purpose that a data use stands for.
pub(super) fn purpose(data_use: &str) -> Option<&'static str> {
    let covers = |key: &str| data_use.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    PURPOSES.iter().filter(|(key, _)| covers(key)).max_by_key(|(key, _)| key.len()).map(|(_, term)| *term)
}

/// The legal basis that a manifest names.
pub(super) fn legal_basis(text: &str) -> Option<&'static str> {
    let text = text.trim().to_lowercase();
    BASES.iter().find(|(name, _)| *name == text).map(|(_, term)| *term)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_takes_the_purpose_of_its_nearest_ancestor() {
        assert_eq!(purpose("marketing.advertising.first_party.targeted"), Some("TargetedAdvertising"));
        assert_eq!(purpose("marketing.advertising.frequency_capping"), Some("Advertising"));
        assert_eq!(purpose("essential.service.operations"), Some("ServiceProvision"));
        assert_eq!(purpose("marketingx"), None);
        assert_eq!(purpose("train_ai_system"), None);
        assert_eq!(legal_basis("Legitimate interests"), Some("LegitimateInterest"));
        assert_eq!(legal_basis("because"), None);
    }
}

//! Links from the page to files of the bag: relative, downward, percent-encoded, or none at all.

use std::fmt::Write as _;

/// Longest path that becomes a link, in bytes.
const LONGEST: usize = 4096;

/// The address of the file at `path` below `folder`, both relative to the page; `None` for a path that leaves the bag or
/// that no file can have. Only letters, digits, `-`, `.`, `_`, `~` and `/` stand unencoded, so it never has a scheme, a
/// query or a fragment.
pub(crate) fn href(folder: &str, path: &str) -> Option<String> {
    if folder.len() + path.len() > LONGEST {
        return None;
    }
    let mut address = String::with_capacity(folder.len() + path.len());
    let folder = folder.strip_suffix('/').unwrap_or(folder);
    for segment in folder.split('/').chain(path.split('/')) {
        if segment.is_empty() || segment == "." || segment == ".." || segment.contains(['\\', '\0']) {
            return None;
        }
        if !address.is_empty() {
            address.push('/');
        }
        for byte in segment.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                address.push(char::from(byte));
            } else {
                // Writing into a string cannot fail.
                let _ = write!(address, "%{byte:02X}");
            }
        }
    }
    Some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_encoded_byte_by_byte() {
        let href = href("data/entities/acme-fr/", "crm/été 100%#1?.csv").unwrap();
        assert_eq!(href, "data/entities/acme-fr/crm/%C3%A9t%C3%A9%20100%25%231%3F.csv");
        assert_eq!(super::href("data/e", "javascript:alert(1)").unwrap(), "data/e/javascript%3Aalert%281%29");
    }

    #[test]
    fn nothing_links_out_of_the_bag() {
        for path in ["../x", "a/../../x", "/etc/passwd", "a//b", "./a", "", "a\\b", "a\0", "//host/x"] {
            assert_eq!(href("data/e", path), None, "{path:?}");
        }
        assert_eq!(href("", "a"), None);
        assert_eq!(href("data/e", &"a".repeat(5000)), None);
    }
}

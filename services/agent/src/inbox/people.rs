//! Who is at the other end of the socket, by the name that this machine has for them.

/// The name of a user of this machine, or the number where the machine's own list does not know it.
pub(super) fn name_of(uid: u32) -> String {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    named(&users, uid).unwrap_or_else(|| format!("uid {uid}"))
}

fn named(users: &str, uid: u32) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_known_by_name_where_the_machine_knows_it() {
        let users =
            "root:x:0:0:root:/root:/bin/bash\n# a comment\nbroken\nprivacy:x:1001:1001::/home/privacy:/bin/sh\n";
        assert_eq!(named(users, 1001).as_deref(), Some("privacy"));
        assert_eq!(named(users, 0).as_deref(), Some("root"));
        assert_eq!(named(users, 7), None);
    }
}

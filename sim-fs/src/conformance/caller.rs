//! Who asks, from text.

use fuserig_abi::{Caller, Capabilities, Credentials, Gid, Pid, Timespec, Uid};

/// The capabilities a case can name.
const CAPABILITIES: [(&str, Capabilities); 9] = [
    ("CHOWN", Capabilities::CHOWN),
    ("DAC_OVERRIDE", Capabilities::DAC_OVERRIDE),
    ("DAC_READ_SEARCH", Capabilities::DAC_READ_SEARCH),
    ("FOWNER", Capabilities::FOWNER),
    ("FSETID", Capabilities::FSETID),
    ("MKNOD", Capabilities::MKNOD),
    ("SETFCAP", Capabilities::SETFCAP),
    ("SYS_ADMIN", Capabilities::SYS_ADMIN),
    ("SYS_RESOURCE", Capabilities::SYS_RESOURCE),
];

/// A caller such as `alice/2000+FOWNER` at an instant.
pub(super) fn caller(text: &str, now: Timespec) -> Result<Caller, String> {
    let end = text.find(['/', '+', '-']).unwrap_or(text.len());
    let (name, mut rest) = text.split_at(end);
    let mut credentials = match name {
        "" | "root" => Credentials::root(),
        "alice" => Credentials::user(Uid(1001), Gid(1001)),
        "bob" => Credentials::user(Uid(1002), Gid(1002)),
        "carol" => Credentials::user(Uid(1003), Gid(1003)),
        _ => return Err(format!("unknown caller `{name}` (use root, alice, bob or carol)")),
    };
    let mut groups = Vec::new();
    while let Some(sign) = rest.chars().next() {
        let end = rest[1..].find(['/', '+', '-']).map_or(rest.len(), |at| at + 1);
        let word = &rest[1..end];
        rest = &rest[end..];
        match sign {
            '/' => groups.push(Gid(super::words::narrow(word)?)),
            '+' => credentials.capabilities |= capability(word)?,
            '-' if word == "all" => credentials.capabilities = Capabilities::empty(),
            _ => credentials.capabilities -= capability(word)?,
        }
    }
    credentials.groups = groups.into();
    Ok(Caller::new(credentials, Pid(1), now))
}

fn capability(word: &str) -> Result<Capabilities, String> {
    CAPABILITIES
        .into_iter()
        .find(|(name, _)| *name == word)
        .map(|(_, capability)| capability)
        .ok_or_else(|| format!("unknown capability `{word}`"))
}

#[cfg(test)]
mod tests {
    use super::caller;
    use fuserig_abi::{Capabilities, Gid, Timespec, Uid};

    #[test]
    fn a_caller_has_groups_and_capabilities() {
        let caller = caller("alice/2000/1002+FOWNER", Timespec::ZERO).expect("well formed");
        assert_eq!(caller.credentials.uid, Uid(1001));
        assert_eq!(&*caller.credentials.groups, [Gid(2000), Gid(1002)]);
        assert_eq!(caller.credentials.capabilities, Capabilities::FOWNER);
    }

    #[test]
    fn root_can_be_made_powerless() {
        let caller = caller("root-all", Timespec::ZERO).expect("well formed");
        assert_eq!(caller.credentials.uid, Uid::ROOT);
        assert!(caller.credentials.capabilities.is_empty());
    }

    #[test]
    fn unknown_callers_are_refused() {
        for text in ["dave", "alice+FLY", "alice/x", "root-some"] {
            assert!(caller(text, Timespec::ZERO).is_err(), "{text}");
        }
    }
}

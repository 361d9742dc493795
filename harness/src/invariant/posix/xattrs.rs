//! Extended attributes: what was set is there, and the rules of sizes.

use std::collections::BTreeMap;

use fuserig_abi::{Errno, Ino, Uid};

use super::acl::{self, Given};
use super::judged::Judged;
use crate::sim::Action;
use crate::vfs::Output;

/// Names and values.
type Attributes = BTreeMap<Vec<u8>, Vec<u8>>;

/// Longer values are told by their length.
const SHOWN_MAX: usize = 32;
/// Namespaces whose values are bytes and nothing more.
const PLAIN: [&[u8]; 2] = [b"user.", b"trusted."];
/// The flags of setxattr: fail if it is there, fail if it is not.
const CREATE: u32 = 1;
const REPLACE: u32 = 2;

/// What a program may do whoever runs it.
const CAPABILITY: &[u8] = b"security.capability";

pub(super) fn judge(judged: &Judged<'_>) -> Result<(), String> {
    changed(judged)?;
    let Some(node) = judged.node() else { return Ok(()) };
    match judged.action {
        Action::Getxattr { name, size, .. } if is_plain(&name.0) => {
            let value = judged.before.xattrs_of(node).remove(&name.0);
            match value {
                Some(value) => sized(judged, *size, &value),
                None if judged.succeeded() => Err("gives what is not there".to_owned()),
                None => Ok(()),
            }
        }
        Action::Listxattr { size, .. } => listed(judged, node, *size),
        Action::Setxattr { name, value, flags, .. } if is_plain(&name.0) => {
            set(judged, node, (&name.0, &value.0), *flags)
        }
        Action::Removexattr { name, .. } if is_plain(&name.0) => removed(judged, node, &name.0),
        Action::Getxattr { name, size, .. } if is_list(&name.0) => {
            listed_rights(judged, node, &name.0, *size)
        }
        Action::Setxattr { name, value, .. } if is_list(&name.0) => {
            acl::set(judged, node, &name.0, &acl::read(&value.0))
        }
        Action::Removexattr { name, .. } if is_list(&name.0) => {
            acl::set(judged, node, &name.0, &Given::Nothing)
        }
        _ => Ok(()),
    }
}

/// man 7 capabilities: who changes the bytes or the owner of a program takes away what it may do,
/// the super-user as well; no other attribute goes by that.
fn changed(judged: &Judged<'_>) -> Result<(), String> {
    let changes = match judged.action {
        action if action.writes() => judged.count().is_some_and(|count| count > 0),
        Action::Truncate { .. } | Action::Ftruncate { .. } | Action::Fallocate { .. } => {
            judged.succeeded()
        }
        Action::Chown { uid, gid, .. } | Action::Fchown { uid, gid, .. } => {
            judged.succeeded() && (*uid, *gid) != (u32::MAX, u32::MAX)
        }
        _ => false,
    };
    let Some(node) = judged.regular().filter(|_| changes) else { return Ok(()) };
    let mut expected = judged.before.xattrs_of(node);
    if expected.is_empty() || judged.after.stat(node).is_none() {
        return Ok(());
    }
    expected.remove(CAPABILITY);
    let mut left = judged.after.xattrs_of(node);
    if left.remove(CAPABILITY).is_some() {
        return Err("leaves security.capability to what was changed".to_owned());
    }
    match left == expected {
        true => Ok(()),
        false => Err(difference(&expected, &left)),
    }
}

/// How the attributes of a node differ from what they must be.
pub(super) fn difference(expected: &Attributes, found: &Attributes) -> String {
    let value = |of: &Attributes, name: &[u8]| match of.get(name) {
        Some(value) if value.len() <= SHOWN_MAX => format!("'{}'", value.escape_ascii()),
        Some(value) => format!("{} bytes", value.len()),
        None => "none".to_owned(),
    };
    let mut names = expected.keys().chain(found.keys());
    match names.find(|name| expected.get(*name) != found.get(*name)) {
        Some(name) => {
            let (is, must) = (value(found, name), value(expected, name));
            format!("leaves {is} in {} instead of {must}", name.escape_ascii())
        }
        None => "leaves the attributes that it must".to_owned(),
    }
}

/// Whether it is the name of an access control list.
pub(super) fn is_list(name: &[u8]) -> bool {
    name == acl::ACCESS || name == acl::DEFAULT
}

/// A list is shown as it is.
fn listed_rights(judged: &Judged<'_>, node: Ino, name: &[u8], size: u64) -> Result<(), String> {
    let list = acl::list_of(judged.before, node, name);
    match (&judged.result.value, &judged.result.output) {
        (Ok(_), _) if list.is_none() => Err("gives what is not there".to_owned()),
        (Ok(_), Output::Bytes(bytes)) if size > 0 => match (acl::read(bytes), list) {
            (Given::List(shown), Some(list)) if shown == list => Ok(()),
            _ => Err("gives another list".to_owned()),
        },
        (Err(Errno::ENODATA), _) if list.is_some() => Err("does not find what is there".to_owned()),
        _ => Ok(()),
    }
}

pub(super) fn is_plain(name: &[u8]) -> bool {
    PLAIN.iter().any(|space| name.len() > space.len() && name.starts_with(space))
}

/// man 2 getxattr: size 0 asks for the length, a buffer that is long enough gets the value, a
/// shorter one `ERANGE`.
fn sized(judged: &Judged<'_>, size: u64, value: &[u8]) -> Result<(), String> {
    let length = value.len() as u64;
    match judged.result.value {
        Ok(count) if u64::try_from(count) != Ok(length) => {
            Err(format!("gives {count}, and the length is {length}"))
        }
        Ok(_) if size == 0 => Ok(()),
        Ok(_) if size < length => Err(format!("fills {size} bytes with {length}")),
        Ok(_) => match &judged.result.output {
            Output::Bytes(bytes) if bytes != value => Err("gives another value".to_owned()),
            _ => Ok(()),
        },
        Err(Errno::ERANGE) if size == 0 || size >= length => {
            Err(format!("has no room in {size} bytes for {length}"))
        }
        Err(_) => Ok(()),
    }
}

/// man 2 listxattr: every name with its NUL; trusted ones only for the super-user.
fn listed(judged: &Judged<'_>, node: Ino, size: u64) -> Result<(), String> {
    let is_root = judged.credentials.uid == Uid::ROOT;
    let xattrs = judged.before.xattrs_of(node);
    let shown = |name: &&Vec<u8>| is_root || !name.starts_with(b"trusted.");
    let mut names: Vec<&[u8]> = xattrs.keys().filter(shown).map(|name| &name[..]).collect();
    names.sort_unstable();
    let length: usize = names.iter().map(|name| name.len() + 1).sum();
    let length = length as u64;
    match (judged.result.value, &judged.result.output) {
        (Ok(count), _) if u64::try_from(count) != Ok(length) => {
            Err(format!("gives {count}, and the names have {length}"))
        }
        (Ok(_), _) if size != 0 && size < length => Err(format!("fills {size} with {length}")),
        (Ok(_), Output::Bytes(bytes)) if size != 0 => {
            let mut given: Vec<&[u8]> =
                bytes.split(|byte| *byte == 0).filter(|name| !name.is_empty()).collect();
            given.sort_unstable();
            if given == names { Ok(()) } else { Err("gives other names".to_owned()) }
        }
        (Err(Errno::ERANGE), _) if size == 0 || size >= length => {
            Err(format!("has no room in {size} bytes for {length}"))
        }
        _ => Ok(()),
    }
}

/// man 2 setxattr: the value is there, the others are as they were, and the flags say when it
/// must fail.
fn set(
    judged: &Judged<'_>,
    node: Ino,
    (name, value): (&[u8], &[u8]),
    flags: u32,
) -> Result<(), String> {
    let mut expected = judged.before.xattrs_of(node);
    let was_there = expected.contains_key(name);
    match judged.result.value {
        Ok(_) if flags & CREATE != 0 && was_there => Err("makes what is there".to_owned()),
        Ok(_) if flags & REPLACE != 0 && !was_there => Err("replaces what is not there".to_owned()),
        Ok(_) => {
            expected.insert(name.to_vec(), value.to_vec());
            let found = judged.after.xattrs_of(node);
            match judged.after.stat(node).is_none() || found == expected {
                true => Ok(()),
                false => Err(difference(&expected, &found)),
            }
        }
        Err(Errno::EEXIST) if !was_there => Err("finds what is not there".to_owned()),
        Err(Errno::ENODATA) if was_there => Err("does not find what is there".to_owned()),
        Err(_) => Ok(()),
    }
}

/// man 2 removexattr: it is gone, and the others are as they were.
fn removed(judged: &Judged<'_>, node: Ino, name: &[u8]) -> Result<(), String> {
    let mut expected = judged.before.xattrs_of(node);
    let was_there = expected.remove(name).is_some();
    match judged.result.value {
        Ok(_) if !was_there => Err("removes what is not there".to_owned()),
        Ok(_) if judged.after.xattrs_of(node) != expected => {
            Err(difference(&expected, &judged.after.xattrs_of(node)))
        }
        _ => Ok(()),
    }
}

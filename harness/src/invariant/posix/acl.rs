//! Access control lists, as man 5 acl has them: whom one grants what, how it and the mode follow
//! each other, and what is made from it in a directory.
//!
//! It reads the value of the attribute by itself and shares nothing with the filesystem. It
//! refuses to say anything of a list that is none.

use core::fmt;

use fuserig_abi::{Credentials, Errno, FileKind, Gid, Ino, S_ISGID, Stat, Uid};
pub(super) use fuserig_abi::{
    XATTR_POSIX_ACL_ACCESS as ACCESS, XATTR_POSIX_ACL_DEFAULT as DEFAULT,
};
use fuserig_sim_fs::MemFs;

use super::judged::Judged;
use super::xattrs::difference;
use crate::sim::acl_tag::{GROUP, MASK, OTHER, OWNER, OWNING_GROUP, USER};

/// The version of the attribute, which begins with it.
const VERSION: u32 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    tag: u16,
    bits: u32,
    /// The user or group that it names; 0 where it names none.
    id: u32,
}

/// A list that Linux accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct List(Vec<Entry>);

/// What a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Given {
    List(List),
    /// A value without entries takes the list away.
    Nothing,
    /// No list, which is refused with this.
    Wrong(Errno),
}

/// Reads a value.
pub(super) fn read(value: &[u8]) -> Given {
    let Some((version, entries)) = value.split_first_chunk::<4>() else {
        return if value.is_empty() { Given::Nothing } else { Given::Wrong(Errno::EINVAL) };
    };
    if u32::from_le_bytes(*version) != VERSION {
        return Given::Wrong(Errno::EOPNOTSUPP);
    }
    let (entries, rest) = entries.as_chunks::<8>();
    if !rest.is_empty() {
        return Given::Wrong(Errno::EINVAL);
    }
    if entries.is_empty() {
        return Given::Nothing;
    }
    let entries: Vec<Entry> = entries.iter().map(entry).collect();
    match is_valid(&entries) {
        true => Given::List(List(entries)),
        false => Given::Wrong(Errno::EINVAL),
    }
}

fn entry(bytes: &[u8; 8]) -> Entry {
    let [a, b, c, d, id @ ..] = *bytes;
    let tag = u16::from_le_bytes([a, b]);
    let names = matches!(tag, USER | GROUP);
    let id = if names { u32::from_le_bytes(id) } else { 0 };
    Entry { tag, bits: u32::from(u16::from_le_bytes([c, d])), id }
}

/// man 5 acl, "valid ACLs": one owner, owning group and others, and a mask if anybody is named.
fn is_valid(entries: &[Entry]) -> bool {
    let count = |tag: u16| entries.iter().filter(|entry| entry.tag == tag).count();
    let named = count(USER) + count(GROUP);
    let known = [OWNER, USER, OWNING_GROUP, GROUP, MASK, OTHER];
    entries.is_sorted_by_key(|entry| entry.tag)
        && entries.iter().all(|entry| known.contains(&entry.tag) && entry.bits <= 7)
        && entries.iter().all(|entry| entry.id != u32::MAX)
        && (count(OWNER), count(OWNING_GROUP), count(OTHER)) == (1, 1, 1)
        && (count(MASK) == 1 || count(MASK) == 0 && named == 0)
}

/// The list of that name that a node has.
pub(super) fn list_of(fs: &MemFs, node: Ino, name: &[u8]) -> Option<List> {
    match read(fs.xattrs_of(node).get(name)?) {
        Given::List(list) => Some(list),
        Given::Nothing | Given::Wrong(_) => None,
    }
}

impl List {
    fn bits_of(&self, tag: u16) -> Option<u32> {
        self.0.iter().find(|entry| entry.tag == tag).map(|entry| entry.bits)
    }

    /// Whether it says no more than a mode does.
    pub(super) fn is_mode(&self) -> bool {
        self.0.len() == 3
    }

    /// man 5 acl, "access check": whether it grants these bits to somebody who is not the owner.
    pub(super) fn grants(&self, who: &Credentials, group: Gid, bits: u32) -> bool {
        let mask = self.bits_of(MASK).unwrap_or(7);
        let user = self.0.iter().find(|entry| entry.tag == USER && Uid(entry.id) == who.uid);
        if let Some(user) = user {
            return user.bits & mask & bits == bits;
        }
        let in_group = |entry: &&Entry| match entry.tag {
            OWNING_GROUP => who.in_group(group),
            GROUP => who.in_group(Gid(entry.id)),
            _ => false,
        };
        let mut groups = self.0.iter().filter(in_group).peekable();
        match groups.peek() {
            Some(_) => groups.any(|entry| entry.bits & mask & bits == bits),
            None => self.bits_of(OTHER).unwrap_or(0) & bits == bits,
        }
    }

    /// The nine bits that a mode shows of it.
    pub(super) fn mode(&self) -> u32 {
        let class = |tag| self.bits_of(tag).unwrap_or(0);
        let group = self.bits_of(MASK).unwrap_or_else(|| class(OWNING_GROUP));
        class(OWNER) << 6 | group << 3 | class(OTHER)
    }

    /// With the bits that stand for the classes of a mode changed.
    fn with_classes(&self, change: impl Fn(u32, u32) -> u32) -> List {
        let group = if self.bits_of(MASK).is_some() { MASK } else { OWNING_GROUP };
        let changed = self.0.iter().map(|entry| match entry.tag {
            OWNER => Entry { bits: change(entry.bits, 6), ..*entry },
            OTHER => Entry { bits: change(entry.bits, 0), ..*entry },
            tag if tag == group => Entry { bits: change(entry.bits, 3), ..*entry },
            _ => *entry,
        });
        List(changed.collect())
    }

    /// After a chmod.
    pub(super) fn after_chmod(&self, mode: u32) -> List {
        self.with_classes(|_, class| mode >> class & 7)
    }

    /// What something gets that is made with a mode where this is the default.
    pub(super) fn limited(&self, mode: u32) -> List {
        self.with_classes(|bits, class| bits & mode >> class)
    }
}

/// The short text form of man 5 acl.
impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, Entry { tag, bits, id }) in self.0.iter().enumerate() {
            let who = match *tag {
                OWNER => "u:".to_owned(),
                USER => format!("u:{id}"),
                OWNING_GROUP => "g:".to_owned(),
                GROUP => format!("g:{id}"),
                MASK => "m:".to_owned(),
                _ => "o:".to_owned(),
            };
            let letter = |bit: u32, letter: char| if bits & bit != 0 { letter } else { '-' };
            let comma = if number == 0 { "" } else { "," };
            write!(f, "{comma}{who}:{}{}{}", letter(4, 'r'), letter(2, 'w'), letter(1, 'x'))?;
        }
        Ok(())
    }
}

/// What must be found of a list that was set.
fn stored(list: List) -> Option<List> {
    Some(list).filter(|list| !list.is_mode())
}

/// A list was set, or taken away: it is there, the mode shows it, and nothing else changed.
pub(super) fn set(
    judged: &Judged<'_>,
    node: Ino,
    name: &[u8],
    given: &Given,
) -> Result<(), String> {
    let Some((was, is)) = judged.stats(node) else { return Ok(()) };
    if !judged.succeeded() {
        return Ok(());
    }
    let mut before = judged.before.xattrs_of(node);
    let mut after = judged.after.xattrs_of(node);
    let found = list_of(judged.after, node, name);
    before.remove(name);
    after.remove(name);
    if before != after {
        return Err(difference(&before, &after));
    }
    let (list, mode) = match (given, name == ACCESS) {
        (Given::Wrong(_), _) => return Err("takes what is no list".to_owned()),
        (Given::Nothing, _) => (None, was.permissions),
        (Given::List(list), true) => (stored(list.clone()), was.permissions & !0o777 | list.mode()),
        (Given::List(list), false) => (Some(list.clone()), was.permissions),
    };
    if was.kind != FileKind::Directory && name == DEFAULT && list.is_some() {
        return Err("gives a default to what is no directory".to_owned());
    }
    compare(found.as_ref(), list.as_ref())?;
    let who = &judged.credentials;
    // chmod(1) of a list: the setgid bit is for members of the group. Some filesystems take it away
    // with the list as well.
    let loses = name == ACCESS && who.uid != Uid::ROOT && !who.in_group(was.gid);
    let (mode, free) = match (loses, given) {
        (true, Given::List(_)) => (mode & !S_ISGID, 0),
        (true, _) => (mode, S_ISGID),
        (false, _) => (mode, 0),
    };
    match (is.permissions ^ mode) & !free {
        0 => Ok(()),
        _ => Err(format!("leaves the mode {:o} instead of {mode:o}", is.permissions)),
    }
}

/// A chmod changed the mask, or what stands for it, and nobody who is named.
pub(super) fn changed_mode(judged: &Judged<'_>, node: Ino, mode: u32) -> Result<(), String> {
    let Some(list) = list_of(judged.before, node, ACCESS) else { return Ok(()) };
    compare(list_of(judged.after, node, ACCESS).as_ref(), Some(&list.after_chmod(mode)))
}

fn compare(found: Option<&List>, expected: Option<&List>) -> Result<(), String> {
    let shown = |list: Option<&List>| list.map_or("none".to_owned(), List::to_string);
    match found == expected {
        true => Ok(()),
        false => Err(format!("leaves the list {} instead of {}", shown(found), shown(expected))),
    }
}

/// The mode that something gets where a directory has a default, from that which was asked for;
/// none where it has none.
pub(super) fn inherited_mode(judged: &Judged<'_>, directory: Ino, asked: u32) -> Option<u32> {
    let list = list_of(judged.before, directory, DEFAULT)?;
    Some(asked & !0o777 | list.limited(asked).mode())
}

/// What is made has the lists that its directory gives, and no other attribute.
pub(super) fn inherited(
    judged: &Judged<'_>,
    directory: Ino,
    (node, stat): (Ino, &Stat),
    asked: u32,
) -> Result<(), String> {
    let default = match stat.kind {
        FileKind::Symlink => None,
        _ => list_of(judged.before, directory, DEFAULT),
    };
    let access = default.as_ref().and_then(|list| stored(list.limited(asked)));
    let handed_on = default.filter(|_| stat.kind == FileKind::Directory);
    let found = |name: &[u8]| list_of(judged.after, node, name);
    let expected = usize::from(access.is_some()) + usize::from(handed_on.is_some());
    match (found(ACCESS), found(DEFAULT)) == (access, handed_on)
        && judged.after.xattrs_of(node).len() == expected
    {
        true => Ok(()),
        false => Err("makes a file with other attributes than its directory gives".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use fuserig_abi::{Credentials, Errno, Gid, Uid};

    use super::{Given, List, read};

    /// A value with these entries: tag, what it grants, whom it names.
    fn value(entries: &[(u16, u16, u32)]) -> Vec<u8> {
        let mut value = vec![2, 0, 0, 0];
        for (tag, bits, id) in entries {
            value.extend(tag.to_le_bytes());
            value.extend(bits.to_le_bytes());
            value.extend(id.to_le_bytes());
        }
        value
    }

    fn list(entries: &[(u16, u16, u32)]) -> List {
        match read(&value(entries)) {
            Given::List(list) => list,
            other => panic!("{other:?}"),
        }
    }

    const NONE: u32 = u32::MAX;
    /// Owner rwx, user 1000 rw, owning group r, group 50 rwx, mask rw, others x.
    const ENTRIES: [(u16, u16, u32); 6] =
        [(1, 7, NONE), (2, 6, 1000), (4, 4, NONE), (8, 7, 50), (16, 6, NONE), (32, 1, NONE)];

    #[test]
    fn who_is_named_first_decides_and_the_mask_limits_them() {
        let list = list(&ENTRIES);
        let check = |uid: u32, groups: [u32; 2], bits: u32, may: bool| {
            let groups = groups.map(Gid);
            let who = Credentials {
                groups: groups[1..].into(),
                ..Credentials::user(Uid(uid), groups[0])
            };
            assert_eq!(list.grants(&who, Gid(7), bits), may, "{uid} {groups:?} {bits}");
        };
        check(1000, [1, 2], 6, true);
        check(1000, [50, 2], 1, false);
        check(1, [7, 2], 4, true);
        check(1, [7, 2], 2, false);
        check(1, [7, 50], 6, true);
        check(1, [1, 50], 7, false);
        check(1, [1, 2], 1, true);
        check(1, [1, 2], 4, false);
    }

    #[test]
    fn the_mode_is_that_of_the_mask_and_so_is_what_chmod_changes() {
        let full = list(&ENTRIES);
        assert_eq!((full.mode(), full.is_mode()), (0o761, false));
        let text = "u::rwx,u:1000:rw-,g::r--,g:50:rwx,m::rw-,o::--x";
        assert_eq!(full.to_string(), text);
        let changed = full.after_chmod(0o640);
        let mut expected = ENTRIES;
        (expected[0].1, expected[4].1, expected[5].1) = (6, 4, 0);
        assert_eq!(changed, list(&expected));
        assert_eq!(full.limited(0o4650).mode(), 0o640);
        let plain = list(&[(1, 6, NONE), (4, 4, NONE), (32, 0, NONE)]);
        assert_eq!((plain.mode(), plain.is_mode()), (0o640, true));
        assert_eq!(plain.after_chmod(0o705).mode(), 0o705);
    }

    #[test]
    fn what_is_no_list_is_told_from_one() {
        let wrong = |bytes: &[u8], errno| assert_eq!(read(bytes), Given::Wrong(errno));
        wrong(&value(&ENTRIES[1..]), Errno::EINVAL);
        wrong(&value(&[(1, 7, NONE), (2, 6, 1000), (4, 4, NONE), (32, 1, NONE)]), Errno::EINVAL);
        wrong(&value(&[(4, 7, NONE), (1, 6, NONE), (32, 1, NONE)]), Errno::EINVAL);
        wrong(&value(&[(1, 8, NONE), (4, 6, NONE), (32, 1, NONE)]), Errno::EINVAL);
        wrong(&[1, 0, 0, 0], Errno::EOPNOTSUPP);
        wrong(&[2, 0, 0], Errno::EINVAL);
        assert_eq!(read(&[]), Given::Nothing);
        assert_eq!(read(&value(&[])), Given::Nothing);
    }
}

//! POSIX access control lists: the kernel's binary form, the permission check, and how lists and
//! mode bits follow each other.
//!
//! The form is that of `system.posix_acl_access` (linux/posix_acl_xattr.h): a little-endian
//! version word 2, then entries of tag, permissions (16 bits each) and id (32 bits). Rules are
//! those of POSIX 1003.1e draft 17 as Linux applies them (man 5 acl).

use std::sync::Arc;

use fuserig_abi::{Credentials, Errno, Gid, Uid};

const VERSION: u32 = 2;
const NO_ID: u32 = u32::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tag {
    Owner,
    User(Uid),
    OwningGroup,
    Group(Gid),
    Mask,
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct AclEntry {
    tag: Tag,
    permissions: u32,
}

/// A valid list: owner, users, owning group, groups, mask, other, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Acl(Arc<[AclEntry]>);

/// Whether a POSIX access list, as `system.posix_acl_access` holds it, grants every bit of `wanted`
/// (4 read, 2 write, 1 execute) to somebody who is not the owner of the file. None when `bytes` is
/// a list without entries, so that mode bits decide. Capabilities are not asked.
///
/// # Errors
/// `EINVAL` and `EOPNOTSUPP` for what is no such list.
pub fn posix_acl_grants(
    bytes: &[u8],
    credentials: &Credentials,
    file_gid: Gid,
    wanted: u32,
) -> Result<Option<bool>, Errno> {
    let list = Acl::decode(bytes)?;
    Ok(list.map(|list| list.grants(credentials, file_gid, wanted)))
}

/// Whether a value for `system.posix_acl_access` or `system.posix_acl_default` has entries; one
/// without takes the list away. Whether they belong together is not looked at.
///
/// # Errors
/// `EINVAL` and `EOPNOTSUPP` for what is no such list.
pub fn posix_acl_has_entries(bytes: &[u8]) -> Result<bool, Errno> {
    Ok(Acl::decode(bytes)?.is_some())
}

/// Whether the entries of such a value belong together (`posix_acl_valid`), which Linux asks after
/// it has asked who may set it.
///
/// # Errors
/// `EINVAL` where they do not, `EINVAL` and `EOPNOTSUPP` for what is no list.
pub fn posix_acl_check(bytes: &[u8]) -> Result<(), Errno> {
    Acl::decode(bytes)?.as_ref().map_or(Ok(()), Acl::check)
}

impl Acl {
    /// The list in `bytes`, or `None` for one without entries, which stands for removal. Whether
    /// its entries belong together is not looked at: Linux asks for ownership before, see
    /// [`Acl::check`].
    pub(super) fn decode(bytes: &[u8]) -> Result<Option<Acl>, Errno> {
        let Some((version, entries)) = bytes.split_first_chunk::<4>() else {
            // An empty value removes the list, a shorter word is damaged.
            return if bytes.is_empty() { Ok(None) } else { Err(Errno::EINVAL) };
        };
        if u32::from_le_bytes(*version) != VERSION {
            return Err(Errno::EOPNOTSUPP);
        }
        let (entries, []) = entries.as_chunks::<8>() else { return Err(Errno::EINVAL) };
        if entries.is_empty() {
            return Ok(None);
        }
        let entries = entries.iter().map(decode_entry).collect::<Result<Arc<[_]>, Errno>>()?;
        Ok(Some(Acl(entries)))
    }

    /// `posix_acl_valid`: known permissions, and the right entries in the right order.
    pub(super) fn check(&self) -> Result<(), Errno> {
        if self.0.iter().any(|entry| entry.permissions > 7) {
            return Err(Errno::EINVAL);
        }
        check_order(&self.0)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = VERSION.to_le_bytes().to_vec();
        for entry in self.0.iter() {
            let (tag, id): (u16, u32) = match entry.tag {
                Tag::Owner => (0x01, NO_ID),
                Tag::User(uid) => (0x02, uid.0),
                Tag::OwningGroup => (0x04, NO_ID),
                Tag::Group(gid) => (0x08, gid.0),
                Tag::Mask => (0x10, NO_ID),
                Tag::Other => (0x20, NO_ID),
            };
            bytes.extend_from_slice(&tag.to_le_bytes());
            bytes.extend_from_slice(&(entry.permissions as u16).to_le_bytes());
            bytes.extend_from_slice(&id.to_le_bytes());
        }
        bytes
    }

    /// Whether the list grants every bit of `wanted` (4 read, 2 write, 1 execute) to somebody who
    /// is not the owner: a matching user entry decides, else any matching group entry that
    /// grants, else, if no group matched, the entry for others. Capabilities are not asked.
    pub(super) fn grants(&self, credentials: &Credentials, file_gid: Gid, wanted: u32) -> bool {
        let mask = self.permissions_of(Tag::Mask).unwrap_or(7);
        let mut group_matched = false;
        for entry in self.0.iter() {
            match entry.tag {
                Tag::User(uid) if uid == credentials.uid => {
                    return entry.permissions & mask & wanted == wanted;
                }
                Tag::OwningGroup if credentials.in_group(file_gid) => group_matched = true,
                Tag::Group(gid) if credentials.in_group(gid) => group_matched = true,
                Tag::Other if !group_matched => return entry.permissions & wanted == wanted,
                _ => continue,
            }
            if entry.permissions & wanted == wanted {
                return mask & wanted == wanted;
            }
        }
        false
    }

    /// The nine permission bits that the list shows as, and whether they say all that it says.
    pub(super) fn mode(&self) -> (u32, bool) {
        let class = |tag| self.permissions_of(tag).unwrap_or(0);
        let group = self.permissions_of(Tag::Mask).unwrap_or_else(|| class(Tag::OwningGroup));
        let minimal = self.0.len() == 3;
        (class(Tag::Owner) << 6 | group << 3 | class(Tag::Other), minimal)
    }

    /// The list after `chmod`: the group bits go to the mask, if there is one.
    pub(super) fn with_mode(&self, mode: u32) -> Acl {
        self.map_classes(|class, _| mode >> class.shift())
    }

    /// What a new node inherits from this default list when it is created with `mode`: the list
    /// limited to `mode`, and the permission bits that go with it.
    pub(super) fn inherited(&self, mode: u32) -> (Acl, u32) {
        let acl = self.map_classes(|class, permissions| permissions & (mode >> class.shift()));
        let (shown, _) = acl.mode();
        (acl, mode & !0o777 | shown)
    }

    /// Changes the three entries that the mode bits stand for.
    fn map_classes(&self, change: impl Fn(Class, u32) -> u32) -> Acl {
        let has_mask = self.permissions_of(Tag::Mask).is_some();
        let map = |entry: &AclEntry| {
            let class = match entry.tag {
                Tag::Owner => Class::Owner,
                Tag::OwningGroup if !has_mask => Class::Group,
                Tag::Mask => Class::Group,
                Tag::Other => Class::Other,
                Tag::User(_) | Tag::OwningGroup | Tag::Group(_) => return *entry,
            };
            AclEntry { tag: entry.tag, permissions: change(class, entry.permissions) & 7 }
        };
        Acl(self.0.iter().map(map).collect())
    }

    fn permissions_of(&self, tag: Tag) -> Option<u32> {
        self.0.iter().find(|entry| entry.tag == tag).map(|entry| entry.permissions)
    }
}

#[derive(Clone, Copy)]
enum Class {
    Owner,
    Group,
    Other,
}

impl Class {
    fn shift(self) -> u32 {
        match self {
            Class::Owner => 6,
            Class::Group => 3,
            Class::Other => 0,
        }
    }
}

fn decode_entry(bytes: &[u8; 8]) -> Result<AclEntry, Errno> {
    let [tag_low, tag_high, permissions_low, permissions_high, id @ ..] = *bytes;
    let id = u32::from_le_bytes(id);
    let tag = match u16::from_le_bytes([tag_low, tag_high]) {
        0x01 => Tag::Owner,
        // An id of all ones names nobody, so no list may mention it.
        0x02 | 0x08 if id == NO_ID => return Err(Errno::EINVAL),
        0x02 => Tag::User(Uid(id)),
        0x04 => Tag::OwningGroup,
        0x08 => Tag::Group(Gid(id)),
        0x10 => Tag::Mask,
        0x20 => Tag::Other,
        _ => return Err(Errno::EINVAL),
    };
    let permissions = u16::from_le_bytes([permissions_low, permissions_high]);
    Ok(AclEntry { tag, permissions: u32::from(permissions) })
}

/// Linux's rule (`posix_acl_valid`): one owner, users, one owning group, groups, at most one mask,
/// one other; and a mask is needed as soon as a user or group is named.
fn check_order(entries: &[AclEntry]) -> Result<(), Errno> {
    let rank = |entry: &AclEntry| match entry.tag {
        Tag::Owner => 0,
        Tag::User(_) => 1,
        Tag::OwningGroup => 2,
        Tag::Group(_) => 3,
        Tag::Mask => 4,
        Tag::Other => 5,
    };
    let count = |wanted| entries.iter().filter(|entry| rank(entry) == wanted).count();
    let named = count(1) + count(3);
    let valid = entries.is_sorted_by_key(rank)
        && (count(0), count(2), count(5)) == (1, 1, 1)
        && count(4) <= 1
        && (named == 0 || count(4) == 1);
    if valid { Ok(()) } else { Err(Errno::EINVAL) }
}

#[cfg(test)]
mod tests {
    use fuserig_abi::{Credentials, Errno, Gid, Uid};

    use super::Acl;

    type Row = (u16, u16, u32);
    const OWNER: Row = (0x01, 6, u32::MAX);
    const USER: Row = (0x02, 5, 1000);
    const OWNING_GROUP: Row = (0x04, 4, u32::MAX);
    const GROUP: Row = (0x08, 7, 50);
    const MASK: Row = (0x10, 6, u32::MAX);
    const OTHER: Row = (0x20, 0, u32::MAX);

    fn bytes(rows: &[Row]) -> Vec<u8> {
        let mut bytes = vec![2, 0, 0, 0];
        for (tag, permissions, id) in rows {
            bytes.extend_from_slice(&tag.to_le_bytes());
            bytes.extend_from_slice(&permissions.to_le_bytes());
            bytes.extend_from_slice(&id.to_le_bytes());
        }
        bytes
    }

    fn acl(rows: &[Row]) -> Acl {
        Acl::decode(&bytes(rows)).unwrap().unwrap()
    }

    #[test]
    fn lists_that_linux_refuses_are_refused() {
        let check = |rows: &[Row]| {
            let list = Acl::decode(&bytes(rows));
            let checked = list.and_then(|list| list.expect("has entries").check());
            assert_eq!(checked, Err(Errno::EINVAL));
        };
        check(&[OWNER, OWNING_GROUP]);
        check(&[OWNER, OWNER, OWNING_GROUP, OTHER]);
        check(&[OWNING_GROUP, OWNER, OTHER]);
        check(&[OWNER, USER, OWNING_GROUP, OTHER]);
        check(&[OWNER, OWNING_GROUP, MASK, MASK, OTHER]);
        check(&[(0x01, 8, 0), OWNING_GROUP, OTHER]);
        check(&[OWNER, (0x02, 1, u32::MAX), OWNING_GROUP, MASK, OTHER]);
        check(&[OWNER, OWNING_GROUP, OTHER, (0x40, 0, 0)]);
        assert_eq!(Acl::decode(&[2, 0]), Err(Errno::EINVAL));
        assert_eq!(Acl::decode(&[2, 0, 0, 0, 1]), Err(Errno::EINVAL));
        assert_eq!(Acl::decode(&[3, 0, 0, 0]), Err(Errno::EOPNOTSUPP));
        assert_eq!(Acl::decode(&[2, 0, 0, 0]), Ok(None));
        assert_eq!(Acl::decode(&[]), Ok(None));
    }

    #[test]
    fn a_list_encodes_to_the_bytes_it_came_from() {
        let rows = [OWNER, USER, OWNING_GROUP, GROUP, MASK, OTHER];
        assert_eq!(acl(&rows).encode(), bytes(&rows));
    }

    #[test]
    fn the_first_matching_class_decides() {
        let list = acl(&[OWNER, USER, OWNING_GROUP, GROUP, MASK, OTHER]);
        let check = |uid, gid, wanted, expected| {
            let credentials = Credentials::user(Uid(uid), Gid(gid));
            assert_eq!(list.grants(&credentials, Gid(7), wanted), expected, "{uid} {gid} {wanted}");
        };
        check(1000, 50, 4, true);
        check(1000, 50, 2, false);
        check(1000, 50, 1, false);
        check(1, 7, 4, true);
        check(1, 7, 2, false);
        check(1, 50, 6, true);
        check(1, 50, 7, false);
        check(1, 1, 4, false);
    }

    #[test]
    fn mode_bits_and_list_follow_each_other() {
        let list = acl(&[OWNER, USER, OWNING_GROUP, MASK, OTHER]);
        assert_eq!(list.mode(), (0o660, false));
        assert_eq!(list.with_mode(0o751).mode(), (0o751, false));
        let rows = [(0x01, 7, u32::MAX), USER, OWNING_GROUP, (0x10, 5, u32::MAX), (0x20, 1, 0)];
        assert_eq!(list.with_mode(0o751), acl(&rows), "the mask changes and not the group");
        let plain = acl(&[OWNER, OWNING_GROUP, OTHER]);
        assert_eq!(plain.mode(), (0o640, true));
        assert_eq!(plain.with_mode(0o705).mode(), (0o705, true));
        let (inherited, mode) = list.inherited(0o4642);
        assert_eq!((inherited.mode().0, mode), (0o640, 0o4640));
    }
}

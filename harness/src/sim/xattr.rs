//! Extended attributes, and access control lists among them: what one grants to whom, changes of
//! the mode beneath it, and what is made where a directory has one for it.
//!
//! What a reader would get wrong: some are no lists, for a value is what somebody writes there.

use fuserig_abi::{XATTR_POSIX_ACL_ACCESS as ACCESS, XATTR_POSIX_ACL_DEFAULT as DEFAULT};

use self::acl_tag::{GROUP, MASK, OTHER, OWNER, OWNING_GROUP, USER};
use super::argument::{self, file_mode, owner};
use super::draw::Draw;
use super::recipe::stat;
use super::{Action, Text};

/// Tags of the entries of a list (linux/posix_acl.h), in the order in which it has them.
pub(crate) mod acl_tag {
    pub(crate) const OWNER: u16 = 0x01;
    pub(crate) const USER: u16 = 0x02;
    pub(crate) const OWNING_GROUP: u16 = 0x04;
    pub(crate) const GROUP: u16 = 0x08;
    pub(crate) const MASK: u16 = 0x10;
    pub(crate) const OTHER: u16 = 0x20;
}

/// The id of an entry that names nobody.
const NOBODY: u32 = u32::MAX;
/// Rights of an entry; a list in which nobody may do anything shows little.
const RIGHTS: [u16; 10] = [0, 1, 2, 3, 4, 5, 6, 6, 7, 7];

impl Draw<'_> {
    /// The name of an extended attribute.
    pub(super) fn attribute(&mut self) -> Text {
        let dotted = |word: &&Text| word.0.contains(&b'.');
        let words = self.config.words.iter().filter(dotted).count();
        if words > 0 && self.rng.chance(1, 2) {
            let nth = self.rng.index(words);
            let word = self.config.words.iter().filter(dotted).nth(nth).cloned();
            return argument::attribute_like(word.unwrap_or_default(), self.rng);
        }
        argument::attribute(self.rng)
    }

    pub(super) fn on_xattr(&mut self) -> Action {
        let path = self.any();
        if self.rng.chance(1, 16) {
            return self.on_list(path);
        }
        let name = self.attribute();
        match self.rng.below(7) {
            0 | 1 => Action::Listxattr { path, size: *self.rng.pick(&[0, 4096, 4096, 3]) },
            2 | 3 => Action::Getxattr { path, name, size: *self.rng.pick(&[0, 100, 100, 3]) },
            4 => Action::Removexattr { path, name },
            _ => {
                let length = if self.rng.chance(1, 8) { 0 } else { self.rng.index(20) };
                let value = Text(vec![b'v'; length]);
                Action::Setxattr { path, name, value, flags: *self.rng.pick(&[0, 0, 1, 2]) }
            }
        }
    }

    /// The value of a list that may be about a user and a group; one in ten is none.
    fn list(&mut self, (user, group): (u32, u32)) -> Text {
        let mut entries = vec![(OWNER, NOBODY)];
        for _ in 0..self.rng.below(3) {
            entries.push((USER, if self.rng.chance(1, 2) { user } else { owner(self.rng) }));
        }
        entries.push((OWNING_GROUP, NOBODY));
        for _ in 0..self.rng.below(3) {
            entries.push((GROUP, if self.rng.chance(1, 2) { group } else { owner(self.rng) }));
        }
        if entries.len() > 2 || self.rng.chance(1, 4) {
            entries.push((MASK, NOBODY));
        }
        entries.push((OTHER, NOBODY));
        let broken = if self.rng.chance(1, 10) { 1 + self.rng.below(6) } else { 0 };
        match broken {
            1 => drop(entries.remove(self.rng.index(entries.len()))),
            2 => entries.reverse(),
            3 => entries.clear(),
            _ => {}
        }
        let mut value = if broken == 4 { vec![1, 0, 0, 0] } else { vec![2, 0, 0, 0] };
        for (tag, id) in entries {
            value.extend(tag.to_le_bytes());
            value.extend(self.rng.pick(&RIGHTS).to_le_bytes());
            value.extend(id.to_le_bytes());
        }
        match broken {
            5 => value.push(0),
            6 => value.clear(),
            _ => {}
        }
        Text(value)
    }

    /// A list is set that may be about a user and a group.
    pub(super) fn set_list(&mut self, path: &Text, default: bool, who: (u32, u32)) -> Action {
        let name = Text::from(if default { DEFAULT } else { ACCESS });
        let value = self.list(who);
        Action::Setxattr { path: path.clone(), name, value, flags: 0 }
    }

    /// Some call on a list.
    pub(super) fn on_list(&mut self, path: Text) -> Action {
        let default = self.directories.contains(&path.0) && self.rng.chance(1, 2);
        let name = Text::from(if default { DEFAULT } else { ACCESS });
        match self.rng.below(6) {
            0 => Action::Removexattr { path, name },
            1 => Action::Getxattr { path, name, size: *self.rng.pick(&[0, 4, 100, 100]) },
            _ => {
                let who = (owner(self.rng), owner(self.rng));
                self.set_list(&path, default, who)
            }
        }
    }

    /// Something gets a list, is looked at, gets another mode or owner, and is used.
    pub(super) fn listed(&mut self) -> Vec<Action> {
        let is_directory = self.rng.chance(1, 2);
        let path = if is_directory { self.directory() } else { self.file() };
        let default = is_directory && self.rng.chance(1, 2);
        let who = (owner(self.rng), owner(self.rng));
        let look = |path: &Text, name: &[u8]| {
            let name = Text::from(name);
            Action::Getxattr { path: path.clone(), name, size: 200 }
        };
        let name = if default { DEFAULT } else { ACCESS };
        let mut actions = vec![self.set_list(&path, default, who), look(&path, name), stat(&path)];
        for _ in 0..1 + self.rng.below(3) {
            match self.rng.below(6) {
                0 | 1 => {
                    let mode = file_mode(self.rng);
                    actions.push(Action::Chmod { path: path.clone(), mode });
                }
                2 => {
                    let (uid, gid) = who;
                    actions.push(Action::Chown { path: path.clone(), uid, gid });
                }
                3 => {
                    let mode = self.rng.below(8) as u32;
                    actions.push(Action::Access { path: path.clone(), mode });
                }
                _ => actions.push(self.on_list(path.clone())),
            }
            actions.extend([look(&path, ACCESS), stat(&path)]);
        }
        if is_directory {
            let inside = Text([&path.0[..], b"/", &self.unused_name()[..]].concat());
            let kind = self.rng.below(3);
            actions.extend(self.make(&inside, kind));
            actions.extend([stat(&inside), look(&inside, ACCESS), look(&inside, DEFAULT)]);
        }
        actions
    }
}

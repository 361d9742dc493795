//! Pseudonyms of names: keyed, one for each, never two for one.

use std::collections::{BTreeMap, BTreeSet};

use super::{AnonymiseError, Policy};

/// 64 letters without a dot or a slash; the first 32 are used where names are long enough.
const LETTERS: &[u8; 64] = b"abcdefghijklmnopqrstuvwxyz234567ABCDEFGHIJKLMNOPQRSTUVWXYZ0189_-";
/// Names from this length on use 32 letters, which read better; shorter ones need the room.
const READABLE_FROM: usize = 4;
/// Pseudonyms tried for one name before there is no room. Names of one byte have 64.
const TRIES_MAX: u32 = 4096;
/// Longest extension that is kept, without its dot.
const EXTENSION_MAX: usize = 10;

/// The names of a trace, and what becomes of each.
#[derive(Debug)]
pub(super) struct Names {
    key: [u8; 32],
    policy: Policy,
    found: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Names {
    pub(super) fn new(key: [u8; 32], policy: Policy) -> Names {
        Names { key, policy, found: BTreeMap::new() }
    }

    /// How many different names were replaced.
    pub(super) fn replaced(&self) -> usize {
        self.found.len()
    }

    /// Whether a name stays: it means something to every filesystem, or the policy keeps it.
    fn stays(&self, name: &[u8]) -> bool {
        matches!(name, b"" | b"." | b"..") || is_made_up(name) || self.policy.names.contains(name)
    }

    pub(super) fn collect(&mut self, name: &[u8]) {
        if !self.stays(name) && !self.found.contains_key(name) {
            self.found.insert(name.to_vec(), Vec::new());
        }
    }

    /// Gives every name its pseudonym.
    pub(super) fn seal(&mut self) -> Result<(), AnonymiseError> {
        let names: Vec<Vec<u8>> = self.found.keys().cloned().collect();
        let mut used: BTreeSet<Vec<u8>> = self.policy.names.clone();
        for name in names {
            let mut pseudonyms = (0..TRIES_MAX).map(|turn| self.pseudonym(&name, turn));
            let fresh = pseudonyms.find(|made| *made != name && !used.contains(made));
            let fresh = fresh.ok_or(AnonymiseError::NoRoom { length: name.len() })?;
            used.insert(fresh.clone());
            self.found.insert(name, fresh);
        }
        Ok(())
    }

    /// What stands in place of a name.
    pub(super) fn replace(&self, name: &[u8]) -> Vec<u8> {
        self.found.get(name).map_or_else(|| name.to_vec(), Clone::clone)
    }

    fn pseudonym(&self, name: &[u8], turn: u32) -> Vec<u8> {
        let dotted = self.policy.dots && name.len() > 1 && name[0] == b'.';
        let (dot, body) = name.split_at(usize::from(dotted));
        let (stem, extension) = self.split(body);
        let room = 255usize.saturating_sub(dot.len() + extension.len()).max(1);
        let length = match self.policy.lengths.of(stem.len()) {
            length if stem.len() > room => length.max(stem.len()),
            length => length.min(room).max(1),
        };
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(name).update(&turn.to_le_bytes());
        let mut letters = vec![0; length];
        hasher.finalize_xof().fill(&mut letters);
        let mask = if length >= READABLE_FROM { 31 } else { 63 };
        for letter in &mut letters {
            *letter = LETTERS[usize::from(*letter & mask)];
        }
        [dot, &letters, extension].concat()
    }

    /// The part that is replaced, and the extension that is kept.
    fn split<'a>(&self, body: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        let dot = body.iter().rposition(|&byte| byte == b'.').filter(|&at| at > 0);
        let Some(at) = dot.filter(|_| self.policy.extensions) else { return (body, b"") };
        let (stem, extension) = body.split_at(at);
        let plain = extension[1..].iter().all(u8::is_ascii_alphanumeric);
        match (plain, extension.len()) {
            (true, 2..) if extension.len() <= EXTENSION_MAX + 1 => (stem, extension),
            _ => (body, b""),
        }
    }
}

/// Whether a library of the daemon made the name up: libfuse for a file that was removed while it
/// was open (`hide_node` in lib/fuse.c), go-fuse to see whether its mount can be polled
/// (fuse/poll.go). Such a name tells nothing but numbers of nodes, and a replay knows it by its
/// form.
fn is_made_up(name: &[u8]) -> bool {
    if name == b".go-fuse-epoll-hack" {
        return true;
    }
    let number = name.strip_prefix(b".fuse_hidden").unwrap_or(b"");
    (16..=24).contains(&number.len()) && number.iter().all(u8::is_ascii_hexdigit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anonymise::Lengths;

    fn replaced(policy: &Policy, names: &[&str]) -> Vec<String> {
        let mut table = Names::new([7; 32], policy.clone());
        names.iter().for_each(|name| table.collect(name.as_bytes()));
        table.seal().expect("there is room");
        let text = |name: &&str| String::from_utf8(table.replace(name.as_bytes()));
        names.iter().map(|name| text(name).expect("pseudonyms are ASCII")).collect()
    }

    #[test]
    fn a_name_has_one_pseudonym_of_its_length() {
        let names = ["cover.jpg", "cover.jpg", ".secret", "a", ".", "..", "cover.png"];
        let made = replaced(&Policy::default(), &names);
        assert_eq!(made[0], made[1]);
        assert_ne!(made[0], made[6]);
        for (name, pseudonym) in names.iter().zip(&made) {
            assert_eq!(name.len(), pseudonym.len(), "{name}");
            assert_eq!(name == pseudonym, name.trim_matches('.').is_empty(), "{name}");
        }
        assert!(!made[0].contains('.') && !made[2].starts_with('.'));
    }

    #[test]
    fn extensions_and_dots_stay_when_they_may() {
        let policy = Policy { extensions: true, dots: true, ..Policy::default() };
        let made = replaced(&policy, &["cover.jpg", ".secret", ".a.txt", "x.", "y.!", "tar.gz"]);
        assert!(made[0].ends_with(".jpg") && !made[0].starts_with("cover"));
        assert!(made[1].starts_with('.') && made[1].len() == 7);
        assert!(made[2].starts_with('.') && made[2].ends_with(".txt"));
        assert!(!made[3].contains('.') && !made[4].contains('.'));
        assert!(made[5].ends_with(".gz"));
    }

    #[test]
    fn lengths_are_hidden_when_they_should_be() {
        let long = "n".repeat(300);
        let names = ["a", "elevenbytes", &long];
        let lengths = |lengths| {
            let policy = Policy { lengths, ..Policy::default() };
            replaced(&policy, &names).iter().map(String::len).collect::<Vec<_>>()
        };
        assert_eq!(lengths(Lengths::Class), [8, 16, 300]);
        assert_eq!(lengths(Lengths::Hidden), [12, 12, 300]);
    }

    #[test]
    fn a_name_that_libfuse_made_up_stays_and_one_that_looks_like_it_does_not() {
        let made_up = ".fuse_hidden0000000c00000001";
        let others =
            [".fuse_hidden", ".fuse_hiddentresorkammer7f3a", ".fuse_hidden0000000c0000001g"];
        let made = replaced(&Policy::default(), &[&[made_up][..], &others].concat());
        assert_eq!(made[0], made_up);
        for (name, pseudonym) in others.iter().zip(&made[1..]) {
            assert_ne!(name, pseudonym);
        }
    }

    #[test]
    fn a_kept_name_stays_and_nobody_else_gets_it() {
        let policy = Policy { names: [b"a".to_vec()].into(), ..Policy::default() };
        let names: Vec<String> = ('a'..='z').chain('A'..='Z').map(String::from).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let made = replaced(&policy, &names);
        assert_eq!(made[0], "a");
        let different: BTreeSet<&String> = made.iter().collect();
        assert_eq!(different.len(), names.len());
    }

    proptest::proptest! {
        #[test]
        fn any_names_get_names_that_are_different_and_harmless(
            names in proptest::collection::btree_set("[^/\\x00]{1,40}", 1..60),
            extensions: bool,
            dots: bool,
        ) {
            let policy = Policy { extensions, dots, ..Policy::default() };
            let mut table = Names::new([9; 32], policy);
            names.iter().for_each(|name| table.collect(name.as_bytes()));
            let sealed = table.seal();
            // Names of one byte are few, and more of them cannot be kept apart.
            proptest::prop_assume!(sealed.is_ok());
            let made: BTreeSet<Vec<u8>> =
                names.iter().map(|name| table.replace(name.as_bytes())).collect();
            proptest::prop_assert_eq!(made.len(), names.len());
            for name in &names {
                let made = table.replace(name.as_bytes());
                proptest::prop_assert_eq!(made.len(), name.len());
                let plain = |byte: &u8| byte.is_ascii_graphic() && *byte != b'/';
                proptest::prop_assert!(made.iter().all(plain));
                let stays = matches!(name.as_str(), "." | "..");
                proptest::prop_assert_eq!(made == name.as_bytes(), stays);
            }
        }
    }

    #[test]
    fn more_names_than_pseudonyms_is_an_error() {
        let mut table = Names::new([7; 32], Policy::default());
        (0..=255).for_each(|byte| table.collect(&[byte]));
        assert_eq!(table.seal(), Err(AnonymiseError::NoRoom { length: 1 }));
    }
}

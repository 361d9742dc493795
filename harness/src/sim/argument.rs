//! Arguments of system calls, each by itself: modes, users, sizes, places in files, names.
//!
//! Most come from tables of what somebody checks, the rest from everywhere, so that a mistake about
//! one bit, one length or one byte of a name is not out of reach. What a reader would get wrong:
//! tables hold some values twice, which are drawn twice as often.

use super::{Rng, Stamp, Text};

/// The record of the last in a listing has no room to spare, for its name has 16 bytes.
pub(super) const PLAIN_NAMES: [&str; 8] =
    ["a", "b", "c", "d", "notes.txt", "x.jpg", ".x", "a-longer-name.md"];
const ATTRIBUTES: [&str; 5] = ["user.a", "user.b", "trusted.t", "security.s", "user.longer.name"];
pub(super) const SIZES: [u64; 16] =
    [0, 1, 2, 7, 10, 100, 255, 256, 511, 512, 4095, 4096, 4097, 8192, 9000, 20_000];
const OFFSETS: [i64; 12] = [0, 0, 1, 5, 100, 511, 4095, 4096, 8192, 65_536, -1, i64::MAX];
/// Places around which numbers are cut off.
const FAR: [i64; 7] = [1 << 20, 1 << 31, 1 << 31, 1 << 32, 1 << 32, 1 << 40, 1 << 53];
/// Users: the super-user and two others.
pub(super) const USERS: [u32; 3] = [0, 1000, 1001];
/// Owners of files beside the users.
const OWNERS: [u32; 4] = [1, 7, 100, 65_534];
/// Modes of files, and of directories, that differ in what somebody checks.
const FILE_MODES: [u32; 14] = [
    0o644, 0o600, 0o666, 0o755, 0o444, 0o222, 0o333, 0o4755, 0o2755, 0o2644, 0o640, 0, 0o4777,
    0o6777,
];
const DIRECTORY_MODES: [u32; 9] =
    [0o755, 0o700, 0o777, 0o1777, 0o1777, 0o2775, 0o2777, 0o750, 0o555];
const MASKS: [u32; 8] = [0, 0, 0o022, 0o027, 0o077, 0o177, 0o007, 0o777];
/// Names that programs get wrong.
const NASTY: [&[u8]; 20] = [
    b".",
    b"..",
    b"...",
    b"a..b",
    b"..a",
    b"a.",
    b"a b",
    b" a",
    b"-a",
    b"a*",
    b"a%sb",
    b"new\nline",
    b"a/",
    b"",
    b"\x01",
    b"\xff\xfe",
    b"\xc3",
    b"caf\xe9.txt",
    b"caf\xc3\xa9",
    b"\xed\xa0\x80",
];
/// Lengths of names and of targets around which programs keep them elsewhere.
const LENGTHS: [usize; 14] = [1, 7, 8, 16, 32, 59, 60, 64, 100, 128, 143, 251, 254, 255];

/// The mode of a file.
pub(super) fn file_mode(rng: &mut Rng) -> u32 {
    any_mode(rng).unwrap_or_else(|| *rng.pick(&FILE_MODES))
}

/// The mode of a directory.
pub(super) fn directory_mode(rng: &mut Rng) -> u32 {
    any_mode(rng).unwrap_or_else(|| *rng.pick(&DIRECTORY_MODES))
}

/// Now and then any bits, or rights of one class alone.
fn any_mode(rng: &mut Rng) -> Option<u32> {
    match rng.below(8) {
        0 => Some(rng.below(0o10_000) as u32),
        1 => Some((1 + rng.below(7) as u32) << (3 * rng.below(3))),
        _ => None,
    }
}

/// The number of a device, of which each byte is of the major or the minor one.
pub(super) fn device(rng: &mut Rng) -> u32 {
    match rng.below(3) {
        0 => 0,
        1 => 1 << rng.below(32),
        _ => rng.word() as u32,
    }
}

/// Who is to own something.
pub(super) fn owner(rng: &mut Rng) -> u32 {
    if rng.chance(1, 5) { *rng.pick(&OWNERS) } else { *rng.pick(&USERS) }
}

/// A user and a group that something is given to; now and then one of them stays.
pub(super) fn new_owner(rng: &mut Rng) -> (u32, u32) {
    let (uid, gid) = (owner(rng), owner(rng));
    match rng.below(10) {
        0 => (u32::MAX, gid),
        1 => (uid, u32::MAX),
        _ => (uid, gid),
    }
}

/// The bits that something is made without.
pub(super) fn mask(rng: &mut Rng) -> u32 {
    match rng.below(8) {
        0 => rng.below(0o1000) as u32,
        _ => *rng.pick(&MASKS),
    }
}

/// A place in a file.
pub(super) fn offset(rng: &mut Rng) -> i64 {
    if rng.chance(1, 6) { far(rng) } else { *rng.pick(&OFFSETS) }
}

/// A place or a length at which a number may be cut off, or beside it.
pub(super) fn far(rng: &mut Rng) -> i64 {
    *rng.pick(&FAR) + rng.below(3) as i64 - 1
}

/// A time of a file. One that is given is unlike the times of runs, and unlike each other.
pub(super) fn stamp(rng: &mut Rng) -> Stamp {
    match rng.below(6) {
        0 => Stamp::Now,
        1 => Stamp::Omit,
        2 => Stamp::At { sec: far(rng), nsec: rng.below(1_000_000_000) as u32 },
        _ => {
            let nsec = *rng.pick(&[0, 1, 999_999_999, 500_000_000]);
            Stamp::At { sec: rng.below(100_000) as i64, nsec }
        }
    }
}

/// How long a name or a target is to be.
pub(super) fn name_length(rng: &mut Rng) -> usize {
    match rng.below(4) {
        0 => 1 + rng.index(255),
        1 => (*rng.pick(&LENGTHS) + rng.index(3)).clamp(2, 256) - 1,
        _ => *rng.pick(&LENGTHS),
    }
}

/// A name that programs get wrong; some are none.
pub(super) fn nasty_name(rng: &mut Rng) -> Vec<u8> {
    match rng.below(8) {
        0 => vec![b'n'; 255 + rng.index(2)],
        1 | 2 => vec![b'm'; name_length(rng)],
        _ => rng.pick(&NASTY).to_vec(),
    }
}

/// A name that is almost the same.
pub(super) fn neighbour(word: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut word = word.to_vec();
    let last = word.len().saturating_sub(1);
    match rng.below(12) {
        0 | 1 => word.push(b'x'),
        2 => word.insert(0, b'x'),
        3 => word.truncate(last),
        4 if last > 0 => drop(word.remove(0)),
        5 => word.iter_mut().for_each(|byte| *byte = swapped(*byte)),
        6 => word.iter_mut().rev().take(1).for_each(|byte| *byte = swapped(*byte)),
        7 => word.iter_mut().take(1).for_each(|byte| *byte = b'y'),
        8 => word.insert(rng.index(last + 1), *rng.pick(b"\xff\x80.-")),
        11 => word.extend_from_slice(&b".."[rng.index(2)..]),
        // Without the dot of its ending.
        _ => match word.iter().rposition(|byte| *byte == b'.').filter(|dot| *dot > 0) {
            Some(dot) if rng.chance(2, 3) => drop(word.remove(dot)),
            _ => word.iter_mut().rev().take(1).for_each(|byte| *byte = b'y'),
        },
    }
    word
}

/// A longer name that ends, most often, or begins with a word.
pub(super) fn around(word: &[u8], rng: &mut Rng) -> Vec<u8> {
    let more = vec![b'p'; 1 + rng.index(8)];
    if rng.chance(2, 3) { [&more[..], word].concat() } else { [word, &more[..]].concat() }
}

/// The target of a symlink that leads nowhere, of a length at which programs cut it off.
pub(super) fn long_target(rng: &mut Rng) -> Vec<u8> {
    let length = match rng.below(4) {
        0 => *rng.pick(&[4094, 4095, 4095, 4096]),
        1 => rng.index(4096),
        _ => 100 + rng.index(400),
    };
    b"t/".iter().copied().cycle().take(length.max(1)).collect()
}

/// A path as the target of a symlink, spelled in some other way, or one that begins alike.
pub(super) fn spelled(path: &[u8], rng: &mut Rng) -> Vec<u8> {
    match rng.below(8) {
        0 | 1 => [path, b"/"].concat(),
        2 => [b"/", path].concat(),
        3 => [b"/", path, b"x"].concat(),
        4 => [b"./", path].concat(),
        5 => [path, b"/.."].concat(),
        6 => [path, b"//a"].concat(),
        _ => path.split(|byte| *byte == b'/').collect::<Vec<_>>().join(&b"//"[..]),
    }
}

/// The letter in the other case.
fn swapped(byte: u8) -> u8 {
    if byte.is_ascii_lowercase() { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() }
}

/// An attribute with a word that a filter mentions, which may be the beginning of names.
pub(super) fn attribute_like(word: Text, rng: &mut Rng) -> Text {
    let mut word = word.0;
    match (word.ends_with(b"."), rng.below(6)) {
        // What has the dot elsewhere, or not at all, is another name.
        (true, 0) => word.iter_mut().rev().take(1).for_each(|byte| *byte = b'a'),
        (true, 1) => drop(word.pop()),
        (true, 2) => {}
        (true, _) | (false, 0) => word.push(b'a'),
        (false, 1) => word = neighbour(&word, rng),
        (false, _) => {}
    }
    Text(word)
}

/// The name of an attribute that no filter mentions; now and then it is almost another.
pub(super) fn attribute(rng: &mut Rng) -> Text {
    let name = *rng.pick(&ATTRIBUTES);
    if rng.chance(1, 6) { Text(neighbour(name.as_bytes(), rng)) } else { Text::from(name) }
}

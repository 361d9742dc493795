//! A directory with more names than a page of a listing holds, now and then.
//!
//! Whole pages of it are names that the filter is about, as far as anybody can tell from what it
//! mentions, so that what a listing does between two pages is tried. They are in the tree at the
//! start, which costs no operations; one client lists them, and takes some away meanwhile. What a
//! reader would get wrong: the kernel asks for a page at a time, whatever room the caller has.

use core::fmt::Write as _;

use fuserig_sim_fs::OpenFlags;

use super::recipe::{CLOSE, open};
use super::{Action, Program, Rng, Text, WorkloadConfig};

/// The directory.
const DIRECTORY: &str = "many";
/// Bytes of a page of a listing, and of a record of it before the name.
const PAGE: usize = fuserig_abi::PAGE_SIZE as usize;
const HEADER: usize = 24;
/// Lengths of the names; long ones need fewer of them.
const LENGTHS: [usize; 3] = [120, 200, 250];
/// What the names of a filter may have in common has at most so many bytes.
const COMMON_MAX: usize = 32;
/// Digits of a name of those that are short, of which a page holds as many as it can.
const DIGITS: usize = 3;
/// One directory in so many has short names.
const DENSE_ONE_IN: u64 = 3;
/// What else a page may hold before the names that the filter is about.
const NEXT: usize = 6;
/// Names before those that the filter is about, and behind.
const OTHERS: usize = 4;

/// What a run has besides.
pub(super) struct Crowd {
    /// Lines of its tree.
    pub(super) tree: String,
    /// What a client does.
    actions: Vec<Action>,
}

/// Whether a text can be a part of a name without being escaped.
fn is_plain(text: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_".contains(byte);
    (1..=COMMON_MAX).contains(&text.len())
        && text.iter().all(is_plain)
        && text != b"."
        && text != b".."
}

/// Whether a line of a tree is about a file of that name.
fn has_name(line: &str, name: &Text) -> bool {
    let path = line.split_whitespace().next().unwrap_or_default();
    path.rsplit('/').next() == Some(&name.to_string())
}

/// A directory of names so short that a page has as many records as it can, and among them, far
/// from the first, the one that the filter is about.
fn dense(own: &Text, rng: &mut Rng, tree: &str) -> Crowd {
    let page = PAGE / (HEADER + DIGITS).next_multiple_of(8);
    let count = page + rng.index(page / 4);
    let place = rng.index(count);
    let mut lines = format!("/{DIRECTORY}/ mode=0777");
    for number in 0..count {
        if number == place {
            let _ = write!(lines, "\n/{DIRECTORY}/{own}");
        }
        let _ = write!(lines, "\n/{DIRECTORY}/{number:0DIGITS$}");
    }
    let mut actions = vec![open(&Text::from(DIRECTORY), OpenFlags::DIRECTORY.bits())];
    for _ in 0..2 {
        actions.push(Action::List { file: 0, space: *rng.pick(&[4096, 32_768, 32_768, 1000]) });
    }
    actions.push(CLOSE);
    Crowd { tree: [tree.trim_end(), &lines].join("\n"), actions }
}

/// What names that the filter is about begin or end with.
fn common(config: &WorkloadConfig, rng: &mut Rng) -> Vec<u8> {
    let texts = config.names.iter().chain(&config.words).map(|text| text.0.clone());
    // A comparison with one letter looks like one with a number.
    let letters = config.numbers.iter().filter_map(|number| u8::try_from(*number).ok());
    let all: Vec<Vec<u8>> =
        texts.chain(letters.map(|byte| vec![byte])).filter(|text| is_plain(text)).collect();
    if all.is_empty() || rng.chance(1, 4) { b".".to_vec() } else { rng.pick(&all).clone() }
}

/// A directory of names and who lists it; none where the tree has something of its name.
pub(super) fn draw(config: &WorkloadConfig, rng: &mut Rng, tree: &str) -> Option<Crowd> {
    let is_taken = |line: &str| line.trim_start().trim_start_matches('/').starts_with(DIRECTORY);
    if tree.lines().any(is_taken) {
        return None;
    }
    // Of a name that is nowhere at the start, somebody may count on that.
    let is_there = |text: &&Text| tree.lines().any(|line| has_name(line, text));
    let names = config.names.iter().chain(&config.words).filter(|text| is_plain(&text.0));
    let of_its_own: Vec<&Text> = names.filter(is_there).collect();
    if !of_its_own.is_empty() && rng.chance(1, DENSE_ONE_IN) {
        let name = *rng.pick(&of_its_own);
        return Some(dense(name, rng, tree));
    }
    let common = common(config, rng);
    let length = *rng.pick(&LENGTHS);
    let record = (HEADER + length).next_multiple_of(8);
    // So many that one page at least has no other.
    let count = 2 * (PAGE / record) + rng.index(PAGE / record);
    let begins = rng.chance(1, 2);
    let name = |number: usize| {
        let middle = "m".repeat(length - common.len() - 3);
        let common = common.escape_ascii();
        match begins {
            true => format!("{common}{middle}{number:03}"),
            false => format!("{number:03}{middle}{common}"),
        }
    };
    let mut lines = format!("/{DIRECTORY}/ mode=0777");
    let others = (0..OTHERS).map(|number| format!("before{number}"));
    let behind = (0..rng.index(OTHERS)).map(|number| format!("behind{number}"));
    for name in others.chain((0..count).map(name)).chain(behind) {
        let _ = write!(lines, "\n/{DIRECTORY}/{name}");
    }
    let mut actions = vec![open(&Text::from(DIRECTORY), OpenFlags::DIRECTORY.bits())];
    for page in 1..=count / (PAGE / record) + 2 {
        actions.push(Action::List { file: 0, space: *rng.pick(&[4096, 32_768, 32_768, 1000]) });
        if rng.chance(1, 2) {
            // The one at which the listing would go on, or thereabouts: the newest come first.
            let given = (page * (PAGE / record)).min(count);
            let next = (count - given + rng.index(NEXT)).min(count - 1);
            let number = if rng.chance(1, 4) { rng.index(count) } else { next };
            let path = Text::from(format!("{DIRECTORY}/{}", name(number)).as_str());
            actions.push(Action::Unlink { path });
        }
    }
    actions.push(CLOSE);
    Some(Crowd { tree: [tree.trim_end(), &lines].join("\n"), actions })
}

impl Crowd {
    /// A client lists the directory in the middle of what it does, and does no more than before.
    pub(super) fn join(&self, programs: &mut [Program], rng: &mut Rng) {
        let actions = &mut programs[rng.index(programs.len())].actions;
        let most = actions.len();
        let at = rng.index(most.saturating_sub(self.actions.len()) + 1);
        actions.splice(at..at, self.actions.iter().cloned());
        actions.truncate(most);
    }
}

#[cfg(test)]
mod tests {
    use fuserig_sim_fs::MemFs;

    use super::{DIRECTORY, Program, WorkloadConfig, draw};
    use crate::sim::Seed;

    #[test]
    fn a_page_of_the_listing_has_none_but_names_with_what_the_filter_mentions() {
        let config = WorkloadConfig { words: vec![".key".into()], ..WorkloadConfig::default() };
        let (mut with_word, mut dense) = (0, 0);
        for seed in 0..64 {
            let mut rng = Seed(seed).rng();
            let crowd = draw(&config, &mut rng, "/a/.key 'x'\n").expect("none is called so");
            let fs = MemFs::from_tree(&crowd.tree).expect("well-formed");
            let names: Vec<Vec<u8>> = fs.walk().map(|entry| entry.path.to_vec()).collect();
            if names.len() > 100 {
                assert!(names.iter().any(|name| name == b"/many/.key"), "seed {seed}");
                dense += 1;
                continue;
            }
            let alike = |end: &[u8]| names.iter().filter(|name| name.ends_with(end)).count();
            with_word += usize::from(alike(b".key") >= 28);
            let bytes: usize = names.iter().map(|name| name.len() + 16).sum();
            assert!((8000..20_000).contains(&bytes), "seed {seed}: {bytes}");
        }
        assert!((8..40).contains(&with_word), "{with_word} of 64");
        assert!((8..32).contains(&dense), "{dense} of 64");
        assert!(draw(&config, &mut Seed(0).rng(), &format!("/{DIRECTORY} 'x'")).is_none());
    }

    #[test]
    fn who_lists_it_does_no_more_than_before() {
        let crowd = draw(&WorkloadConfig::default(), &mut Seed(1).rng(), "").expect("no such name");
        for length in 0..20 {
            let action = crate::sim::Action::Chdir { path: ".".into() };
            let mut programs = vec![Program::of(0, vec![action; length])];
            crowd.join(&mut programs, &mut Seed(length as u64).rng());
            assert_eq!(programs[0].actions.len(), length);
        }
    }
}

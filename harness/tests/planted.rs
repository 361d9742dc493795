//! Mistakes planted in filters, filesystems, daemons, between clients and in the order of what
//! becomes durable: the search finds them, and nothing in their correct twins.
//!
//! Here are those that take few operations; the bench `planted` hunts all of them with 20,000
//! operations each, and counts false alarms and mutants.

#[path = "planted/beyond_shown.rs"]
mod beyond_shown;
#[path = "planted/elsewhere_shown.rs"]
mod elsewhere_shown;
#[path = "planted/further_shown.rs"]
mod further_shown;
#[path = "planted/outside_shown.rs"]
mod outside_shown;
#[path = "planted/program.rs"]
mod program;
#[path = "planted/shown.rs"]
mod shown;
#[path = "planted/mod.rs"]
mod suite;
#[path = "planted/unknown_shown.rs"]
mod unknown_shown;

use suite::{SERIES, all, every, line, mutants};

/// Mistakes that a search of 2,560 operations finds.
const FOUND_SOON: [&str; 19] = [
    "nlink is wrong after a rename over a link",
    "an exchange is a plain rename",
    "extended attributes are lost in a rename",
    "links are counted twice",
    "a quota looked at and taken apart",
    "fdatasync does nothing",
    "mkdir forgets what the group may do",
    "targets of links are cut at eight bytes",
    "a listing that goes on skips a name",
    "a truncation leaves the times alone",
    "a short write reports everything",
    "the size is that of the first look",
    "sends a body that is a byte short",
    "fsync forgets the data",
    "a copy is a byte short",
    "takes short names for the hidden one",
    "chmod may set setuid",
    "a write may cross the limit",
    "a guarded attribute may be removed",
];

/// Program and change: a search of 1,280 operations tells one of these mutants from its original.
/// The places of the instructions are not named, because they move with the compiler.
const KILLED_SOON: [(&str, &str); 3] = [
    ("hide_names hide_rename[", "]: it is left out"),
    ("redact_list redact_post[", "]: it is left out"),
    ("xattr_guard guard_removexattr[", "]: the number is one more"),
];

#[test]
fn planted_mistakes_are_found() {
    let planted = all();
    assert!(planted.len() >= 40, "{} planted mistakes", planted.len());
    let (series, total) = (SERIES.len(), every().count());
    assert!(total >= 450, "{total} planted mistakes in {series} series");
    let (mut count, mut missed) = (0, Vec::new());
    for mistake in planted.iter().filter(|mistake| FOUND_SOON.contains(&mistake.name)) {
        // As `fuzz` hunts, and as a test of a user's crate does.
        let found = mistake.hunt(1, 2560).or_else(|| mistake.hunt_unguided(1, 2560));
        println!("{}", line(mistake, found.as_deref()));
        missed.extend(found.is_none().then_some(mistake.name));
        count += 1;
    }
    assert_eq!(count, FOUND_SOON.len());
    assert!(missed.is_empty(), "{missed:?}");
}

#[test]
fn the_correct_twins_raise_no_alarm() {
    for mistake in every() {
        let alarm = mistake.false_alarm(77, 640).err();
        assert!(alarm.is_none(), "{} {}: {}", mistake.kind, mistake.name, alarm.expect("some"));
    }
}

#[test]
fn mutants_of_the_library_are_found() {
    let mutants = mutants::of_library(1);
    for (program, change) in KILLED_SOON {
        let mut changed = mutants.iter().filter(|mutant| {
            let name = mutant.to_string();
            name.starts_with(program) && name.ends_with(change)
        });
        let killed = changed.any(|mutant| mutant.hunt(1280) == mutants::Fate::Killed);
        assert!(killed, "{program}..{change}");
    }
}

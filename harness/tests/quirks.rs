//! Every quirk by id: what a few lines show on the version that has it, and what the same lines
//! give when the kernel does what was meant.
//!
//! A quirk stands in exactly one table. Those of `daemon`, `operations` and `buffers` (lines of the
//! recorder's language), `both` (scenarios) and `own` (Rust) are played in both fidelities, and
//! `arms` says what must hold of the two: reported on the kernel as it is and never on the kernel
//! as it was meant, and another outcome there, unless nobody meant another. `absent::LIST` holds
//! what is not modelled, with the reason. The tests here compare all of it with the list of ids.

mod quirks {
    pub(crate) mod absent;
    pub(crate) mod arms;
    pub(crate) mod attached;
    pub(crate) mod both;
    pub(crate) mod buffers;
    pub(crate) mod daemon;
    pub(crate) mod operations;
    pub(crate) mod other_abis;
    pub(crate) mod own;
    pub(crate) mod row;
}

use std::collections::BTreeMap;

use fuserig_abi::{Fidelity, Quirk};

use quirks::arms::{self, Absence, Arms, rows};
use quirks::{absent, both, own};

fn quirk(id: &str) -> Quirk {
    Quirk::from_id(id).unwrap_or_else(|| panic!("{id} stands in no table"))
}

#[test]
fn each_is_shown_on_the_kernel_as_it_is_and_absent_from_the_kernel_as_it_was_meant() {
    let mut wrong = Vec::new();
    let arms = arms::play(&mut wrong);
    wrong.extend(arms.iter().flat_map(Arms::missing));
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn an_arm_that_is_missing_is_found() {
    let arms = arms::play(&mut Vec::new());
    let found = |arms: &Arms, what: &str| {
        let missing = arms.missing();
        assert!(missing.iter().any(|line| line.contains(what)), "{missing:?}: {what}");
    };
    for good in &arms {
        let mut unreported = good.clone();
        unreported.faithful.hit = !good.reported;
        found(&unreported, "is not reported as its row says");
        let mut stays = good.clone();
        stays.intended.hit = true;
        found(&stays, "is reported by the kernel as it was meant");
        let mut other = good.clone();
        match good.absence {
            Absence::Differs => {
                other.intended.text.clone_from(&good.faithful.text);
                found(&other, "shows no difference");
            }
            Absence::Kept(_) | Absence::Unseen(_) => {
                other.intended.text.push('x');
                found(&other, "is said to be the same");
            }
        }
        let mut kept = good.clone();
        kept.intended.text.clone_from(&good.faithful.text);
        kept.absence = Absence::Kept("a reason that is long enough");
        let mistake = matches!(good.quirk.klass().name(), "crash" | "bug");
        assert_eq!(!kept.missing().is_empty(), mistake, "{}", good.quirk);
    }
}

#[test]
fn a_version_without_the_quirk_does_not_show_it() {
    let mut checked = 0;
    for row in rows() {
        let Some(other) = row.version_without() else { continue };
        let seen = row.play_on(other, Fidelity::Faithful);
        assert!(!seen.hits.contains(&quirk(row.id)), "{} on {other}", row.id);
        checked += 1;
    }
    assert!(checked >= 4, "only {checked} quirks belong to one version");
}

/// Every quirk with the table that it stands in.
fn places() -> Vec<(&'static str, &'static str)> {
    let mut places: Vec<_> = rows().map(|row| (row.id, "rows")).collect();
    places.extend(both::TABLE.iter().map(|both| (both.id, "both")));
    places.extend(own::TABLE.iter().map(|own| (own.id, "own")));
    for (id, reason) in absent::LIST {
        assert!(reason.len() > 16, "{id}: a reason is a sentence");
        places.push((id, "absent"));
    }
    places
}

/// What is wrong with the tables: a quirk in none or in two of them, a row without a quirk.
fn misplaced(places: &[(&str, &str)]) -> Vec<String> {
    let mut tables: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (id, table) in places {
        tables.entry(id).or_default().push(table);
    }
    let mut wrong = Vec::new();
    for quirk in Quirk::ALL {
        match tables.remove(quirk.id()).unwrap_or_default()[..] {
            [_] => {}
            [] => wrong.push(format!("{quirk} stands in no table")),
            ref several => wrong.push(format!("{quirk} stands in {}", several.join(" and "))),
        }
    }
    wrong.extend(tables.keys().map(|id| format!("{id} is no quirk")));
    wrong
}

#[test]
fn every_quirk_stands_in_exactly_one_table() {
    let wrong = misplaced(&places());
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_quirk_that_is_missing_or_stands_twice_is_found() {
    let places = places();
    for (place, (id, table)) in places.iter().enumerate() {
        let mut without = places.clone();
        without.remove(place);
        assert_eq!(misplaced(&without), [format!("{id} stands in no table")]);
        let mut twice = places.clone();
        twice.push((id, "another"));
        assert_eq!(misplaced(&twice), [format!("{id} stands in {table} and another")]);
    }
    let mut unknown = places;
    unknown.push(("N99", "shown"));
    assert_eq!(misplaced(&unknown), ["N99 is no quirk"]);
}

/// Section 8 of the specification and the page on real kernels: how many ids each prefix has.
#[test]
fn the_ids_are_those_of_the_specification() {
    let counts = [
        ("PIPE", 13),
        ("USER", 8),
        ("DISP", 4),
        ("BUF", 17),
        ("KF", 3),
        ("LOOK", 11),
        ("NEW", 5),
        ("FORGET", 1),
        ("OPEN", 2),
        ("LSEEK", 2),
        ("CFR", 1),
        ("READ", 3),
        ("GATTR", 3),
        ("SATTR", 2),
        ("LINKN", 2),
        ("GLINK", 2),
        ("RDIR", 4),
        ("REN", 1),
        ("STATFS", 2),
        ("REG", 4),
        ("VER", 3),
        ("ENT", 4),
        ("AND", 7),
        ("GRP", 3),
    ];
    let mut expected: Vec<String> = counts
        .iter()
        .flat_map(|(prefix, count)| (1..=*count).map(move |number| format!("{prefix}-{number}")))
        .collect();
    expected.extend((1..=23).map(|number| format!("N{number}")));
    let mut ids: Vec<String> = Quirk::ALL.iter().map(|quirk| quirk.id().to_owned()).collect();
    expected.sort();
    ids.sort();
    assert_eq!(ids, expected);
}

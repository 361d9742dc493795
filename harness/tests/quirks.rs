//! Every quirk by id: what a few lines show on the version that has it, and what the same lines
//! give when the kernel does what was meant.
//!
//! A quirk stands in exactly one table. `table::ROWS` are played in both fidelities; `absent::LIST`
//! holds those that the harness does not model or that another test shows, with the reason. The
//! test at the end compares both with the list of ids.

mod quirks {
    pub(crate) mod absent;
    pub(crate) mod attached;
    pub(crate) mod both;
    pub(crate) mod buffers;
    pub(crate) mod daemon;
    pub(crate) mod operations;
    pub(crate) mod other_abis;
    pub(crate) mod row;
}

use std::collections::BTreeMap;

use fuserig_abi::{Fidelity, Quirk};

use quirks::row::{Meant, Row};
use quirks::{absent, attached, both, buffers, daemon, operations, other_abis};

fn rows() -> impl Iterator<Item = &'static Row> {
    [daemon::ROWS, operations::ROWS, buffers::ROWS].into_iter().flatten()
}

fn quirk(id: &str) -> Quirk {
    Quirk::from_id(id).unwrap_or_else(|| panic!("{id} stands in no table"))
}

#[test]
fn each_row_shows_its_quirk_on_the_kernel_as_it_is() {
    let mut wrong = Vec::new();
    for row in rows() {
        let seen = row.play(Fidelity::Faithful);
        let hit = seen.hits.contains(&quirk(row.id));
        if seen.text != row.faithful || hit != row.reported {
            wrong.push(format!("{}: {:?}, hit {hit}, of {:?}", row.id, seen.text, seen.hits));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn what_was_meant_has_no_such_quirk() {
    let mut wrong = Vec::new();
    for row in rows() {
        let seen = row.play(Fidelity::Intended);
        let hit = seen.hits.contains(&quirk(row.id));
        match row.intended {
            Meant::Gives(text) => {
                if seen.text != text || hit {
                    wrong.push(format!("{}: {:?}, hit {hit}", row.id, seen.text));
                }
            }
            // The ability is missing in either, or nobody can say what else was meant.
            Meant::Same(reason) => {
                assert!(reason.len() > 8, "{}: a reason is a sentence", row.id);
                if seen.text != row.faithful {
                    wrong.push(format!("{}: {:?}, kept: {reason}", row.id, seen.text));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
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
    let mut places: Vec<_> = rows().map(|row| (row.id, "shown")).collect();
    for (id, reason) in absent::LIST {
        assert!(reason.len() > 16, "{id}: a reason is a sentence");
        places.push((id, "absent"));
    }
    places.extend(attached::SHOWN.iter().map(|id| (*id, "attached")));
    places.extend(other_abis::SHOWN.iter().map(|id| (*id, "other ABIs")));
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

#[test]
fn what_other_files_show_is_looked_at_in_both_fidelities() {
    let mut looked_at: Vec<&str> = both::TABLE.iter().map(|both| both.id).collect();
    looked_at.extend(both::ELSEWHERE.iter().map(|(id, _)| *id));
    looked_at.sort_unstable();
    let mut shown: Vec<&str> = attached::SHOWN.iter().chain(other_abis::SHOWN).copied().collect();
    shown.sort_unstable();
    assert_eq!(looked_at, shown);
    assert!(both::ELSEWHERE.iter().all(|(_, reason)| reason.len() > 16));
}

//! Every quirk by id: what a few lines show on the version that has it, and what the same lines
//! give when the kernel does what was meant.
//!
//! A quirk stands in exactly one table. `table::ROWS` are played in both fidelities; `absent::LIST`
//! holds those that the harness does not model or that another test shows, with the reason. The
//! test at the end compares both with the list of ids.

mod quirks {
    pub(crate) mod absent;
    pub(crate) mod attached;
    pub(crate) mod buffers;
    pub(crate) mod daemon;
    pub(crate) mod operations;
    pub(crate) mod other_abis;
    pub(crate) mod row;
}

use std::collections::BTreeMap;

use fuserig_abi::{Fidelity, Quirk};

use quirks::row::{Meant, Row};
use quirks::{absent, attached, buffers, daemon, operations, other_abis};

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

#[test]
fn every_quirk_stands_in_exactly_one_table() {
    let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in rows() {
        places.entry(row.id).or_default().push("shown");
    }
    for (id, reason) in absent::LIST {
        assert!(reason.len() > 16, "{id}: a reason is a sentence");
        places.entry(id).or_default().push("absent");
    }
    for id in attached::SHOWN {
        places.entry(id).or_default().push("attached");
    }
    for id in other_abis::SHOWN {
        places.entry(id).or_default().push("other ABIs");
    }
    for quirk in Quirk::ALL {
        let place = places.remove(quirk.id());
        assert_eq!(place.map(|list| list.len()), Some(1), "{quirk} stands in one table");
    }
    assert!(places.is_empty(), "no such quirks: {places:?}");
}

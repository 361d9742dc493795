//! Directory buffers: records as the pipeline reads them, for any bytes.

use std::cell::RefCell;
use std::rc::Rc;

use fuserig_abi::{CallArgs, Dir, PAGE_SIZE, Row};
use fuserig_filters::{DirBuffer, Entries, FuseOps};
use proptest::prelude::*;

use crate::common::{bytes, cases, post, readdir, records};

/// Runs `edit` as a readdir postfilter and gives its answer and the arguments afterwards.
fn edit<T: 'static>(
    page: &[u8],
    mut edit: impl FnMut(&mut DirBuffer<'_>) -> T + 'static,
) -> (T, CallArgs) {
    let answer = Rc::new(RefCell::new(None));
    let slot = Rc::clone(&answer);
    let mut filter = FuseOps::new("edit").readdir_postfilter(move |_, _, _, entries| {
        *slot.borrow_mut() = Some(edit(entries));
        0
    });
    let mut args = readdir(page, &[0xaa; PAGE_SIZE as usize]);
    assert_eq!(post(&mut filter, &mut args), 0);
    let answer = answer.borrow_mut().take().expect("the member ran");
    (answer, args)
}

fn names(page: &[u8]) -> Vec<String> {
    Entries::new(page).map(|entry| String::from_utf8_lossy(entry.name).into_owned()).collect()
}

fn check_retain(before: &[&str], keep: fn(&str) -> bool, after: &[&str], dropped: usize) {
    let (answer, args) = edit(&records(before), move |entries| {
        entries.retain(|entry| keep(core::str::from_utf8(entry.name).expect("ascii")))
    });
    assert_eq!(
        (names(bytes(&args, Dir::Out, 1)), answer),
        (after.iter().map(ToString::to_string).collect(), dropped)
    );
}

#[test]
fn retain_keeps_records_in_order() {
    let visible = |name: &str| !name.starts_with('.');
    check_retain(&["a", ".b", "c"], visible, &["a", "c"], 1);
    check_retain(&[".a", "eight678", ".c"], visible, &["eight678"], 2);
    check_retain(&["a", "b"], visible, &["a", "b"], 0);
    check_retain(&[".a"], visible, &[], 1);
    check_retain(&[], visible, &[], 0);
}

#[test]
fn kept_records_are_the_same_bytes() {
    let page = records(&["first", "dropped", "third"]);
    let (_, args) = edit(&page, |entries| entries.retain(|entry| entry.name != b"dropped"));
    assert_eq!(bytes(&args, Dir::Out, 1), [&page[..32], &page[64..]].concat());
    let entry = Entries::new(bytes(&args, Dir::Out, 1)).nth(1).expect("two records");
    assert_eq!((entry.ino, entry.off, entry.kind), (102, 2, 8), "the position it had");
}

fn requests(args: &CallArgs) -> Vec<Row> {
    let events = args.arena.events().iter();
    events
        .filter_map(|event| match event {
            fuserig_abi::BufferEvent::GetWriteable { row, .. } => Some(*row),
            _ => None,
        })
        .collect()
}

#[test]
fn only_a_change_makes_the_buffer_modified_and_it_stays_in_its_page() {
    let page = records(&["a", "b"]);
    let (_, same) = edit(&page, |entries| entries.retain(|_| true) + entries.edit_names(|_| ()));
    assert_eq!(requests(&same), []);
    let (_, fewer) = edit(&page, |entries| entries.retain(|entry| entry.name == b"a"));
    assert_eq!(requests(&fewer), [Row::W2]);
    let (_, other) = edit(&page, |entries| entries.edit_names(|name| name.fill(b'x')));
    assert_eq!(requests(&other), [Row::W2]);
}

#[test]
fn what_is_no_record_stays_behind_the_records() {
    for tail in [&[0; 24][..], &[0xff; 40], &records(&["cut off"])[..24], &[1, 2, 3]] {
        let page = [&records(&["a", "b"])[..], tail].concat();
        let (dropped, args) = edit(&page, |entries| entries.retain(|entry| entry.name == b"b"));
        assert_eq!(dropped, 1);
        assert_eq!(bytes(&args, Dir::Out, 1), [&page[32..64], tail].concat());
    }
}

#[test]
fn a_name_may_have_1024_bytes_and_no_more() {
    for (len, count) in [(1, 1), (1024, 1), (1025, 0)] {
        assert_eq!(Entries::new(&records(&[&"n".repeat(len)])).count(), count, "{len}");
    }
}

#[test]
fn names_are_edited_in_place() {
    let ((changed, len), args) = edit(&records(&["one", "two", "three"]), |entries| {
        let changed = entries.edit_names(|name| {
            if name[0] == b't' {
                name.make_ascii_uppercase();
            }
        });
        (changed, entries.len())
    });
    assert_eq!(names(bytes(&args, Dir::Out, 1)), ["one", "TWO", "THREE"]);
    assert_eq!((changed, len), (2, 96));
}

#[test]
fn the_buffer_behind_the_records_can_be_lost() {
    let (count, args) = edit(&records(&["a"]), |entries| {
        assert!(entries.buffer().get_rw(4097, false).is_none());
        assert!(!entries.is_empty(), "the size stays (BUF-2)");
        entries.entries().count() + entries.retain(|_| false) + entries.edit_names(|_| ())
    });
    assert_eq!(count, 0);
    assert!(args.outs()[1].as_buffer().is_some_and(|buffer| buffer.data.is_none()), "BUF-12");
}

/// A page: well-formed records with some bytes changed and some cut off, or noise.
fn page() -> impl Strategy<Value = Vec<u8>> {
    let names = proptest::collection::vec("[a-c./]{1,40}", 0..40);
    let changes = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    let damaged = (names, changes, 0_usize..64).prop_map(|(names, changes, cut)| {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut page = records(&names);
        page.truncate(PAGE_SIZE as usize);
        page.truncate(page.len().saturating_sub(cut));
        for (index, byte) in changes {
            if !page.is_empty() {
                let position = index.index(page.len());
                page[position] = byte;
            }
        }
        page
    });
    let noise = proptest::collection::vec(any::<u8>(), 0..=PAGE_SIZE as usize);
    prop_oneof![3 => damaged, 1 => noise]
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn entries_of_any_bytes_lie_in_order_inside_the_buffer(page in page()) {
        let mut entries = Entries::new(&page);
        let mut position = 0;
        while let Some(entry) = entries.next() {
            prop_assert_eq!(&page[position + 24..][..entry.name.len()], entry.name);
            prop_assert!((1..=1024).contains(&entry.name.len()));
            position += (24 + entry.name.len()).next_multiple_of(8);
            prop_assert_eq!(entries.rest(), &page[position..]);
        }
        prop_assert_eq!(entries.next(), None);
    }

    #[test]
    fn retain_on_any_bytes_is_a_filter_over_the_records(page in page(), divisor in 1_u8..4) {
        let keep = move |name: &[u8]| name[0].is_multiple_of(divisor);
        let (dropped, args) = edit(&page, move |entries| {
            entries.retain(|entry| keep(entry.name))
        });
        let after = bytes(&args, Dir::Out, 1);
        let expected: Vec<_> = Entries::new(&page).filter(|entry| keep(entry.name)).collect();
        prop_assert_eq!(Entries::new(after).collect::<Vec<_>>(), expected);
        let rest = |bytes| {
            let mut entries = Entries::new(bytes);
            entries.by_ref().for_each(drop);
            entries.rest().to_vec()
        };
        prop_assert_eq!(rest(after), rest(&page));
        prop_assert_eq!(Entries::new(&page).count() - Entries::new(after).count(), dropped);
    }

    #[test]
    fn editing_names_of_any_bytes_changes_nothing_but_names(page in page()) {
        let (changed, args) = edit(&page, |entries| entries.edit_names(|name| name.fill(b'x')));
        let after = bytes(&args, Dir::Out, 1);
        prop_assert_eq!(after.len(), page.len());
        let mut expected = 0;
        for (before, after) in Entries::new(&page).zip(Entries::new(after)) {
            prop_assert_eq!(
                (before.ino, before.off, before.kind),
                (after.ino, after.off, after.kind)
            );
            prop_assert_eq!(before.name.len(), after.name.len());
            prop_assert!(after.name.iter().all(|byte| *byte == b'x'));
            expected += usize::from(before.name != after.name);
        }
        prop_assert_eq!(changed, expected);
    }
}

//! What a search must come by: wrong filters that only a rare circumstance shows, each beside the
//! right one, which says what should have happened.

use fuserig::prelude::*;
use fuserig::scenario::Scenario;
use fuserig::sim::{Corpus, WorkloadConfig};
use fuserig_abi::{FuseSetattrIn, Gid, Uid};
use fuserig_filters::{Mentions, deny_uid, xattr_guard};
use fuserig_traces::TraceReader;
use fuserig_traces::calls::CallNr;
use fuserig_traces::record::Record;

const TREE: &str = "/notes.txt 'hi'\n/d/ mode=0777\n/d/a mode=0666 'abc'\n/b mode=0666 'bbb'";

/// What is found about the wrong filter within so many operations.
#[track_caller]
fn found<W: Filter + 'static, R: Filter + 'static>(
    operations: u64,
    wrong: impl Fn() -> W + 'static,
    right: impl Fn() -> R + 'static,
) -> Finding {
    let right = Subject::new(Abi::V4, right).over(TREE);
    let campaign = Simulation::new(Seed(1))
        .runs(u64::MAX)
        .operations_max(operations)
        .guided(Corpus::default())
        .run(Subject::new(Abi::V4, wrong).named("wrong").over(TREE))
        .check(invariant::agrees_with(&right));
    match campaign.result() {
        Ok(summary) => panic!("nothing was found: {summary}"),
        Err(finding) => *finding,
    }
}

/// Keeps out the group of the number that it should keep out as a user.
fn denies_group() -> FuseOps<Gid> {
    fn verdict(is_denied: bool) -> Verdict {
        if is_denied { Verdict::Error(Errno::EACCES) } else { Verdict::Continue }
    }
    FuseOps::with_state("wrong", Gid(1000))
        .open_prefilter(|cx, _| verdict(cx.gid() == *cx.state))
        .opendir_prefilter(|cx, _| verdict(cx.gid() == *cx.state))
        .create_open_prefilter(|cx, _, _| verdict(cx.gid() == *cx.state))
        .access_prefilter(|cx, _| verdict(cx.gid() == *cx.state))
}

#[test]
fn a_filter_that_takes_the_group_for_the_user_is_found_and_kept_with_it() {
    let finding = found(5000, denies_group, || deny_uid(Uid(1000)));
    let somebody = finding.case.clients.iter().position(|client| client.uid != client.group());
    let somebody = somebody.unwrap_or_else(|| panic!("{finding}"));
    let (uid, gid) = (finding.case.clients[somebody].uid, finding.case.clients[somebody].group());
    assert!(finding.to_string().contains(&format!("(uid {uid}, gid {gid})")), "{finding}");

    let stored = Case::from_json(&finding.case.to_json()).expect("just written");
    assert_eq!(stored, finding.case);
    let again = Simulation::of_case(stored)
        .run(Subject::new(Abi::V4, denies_group))
        .check(invariant::agrees_with(&Subject::new(Abi::V4, || deny_uid(Uid(1000)))))
        .result();
    assert_eq!(again.expect_err("it was stored").violation, finding.violation);

    let text = finding.to_scenario().expect("there are words for it");
    let failures = |right: bool| {
        let resolve = move |_: &str| -> Result<Box<dyn Filter>, String> {
            Ok(if right { Box::new(deny_uid(Uid(1000))) } else { Box::new(denies_group()) })
        };
        let scenario = Scenario::parse(&text).expect("just written");
        fuserig::scenario::run(&scenario, Abi::V4, &resolve).expect("it mounts").failures.len()
    };
    assert_eq!(failures(false), 0, "{text}");
    assert!(failures(true) > 0, "{text}");

    let bytes = finding.to_trace().expect("something was called");
    let reader = TraceReader::open(&bytes[..]).expect("just written");
    let identities = reader.records().filter_map(|record| match record.expect("just written") {
        Record::Call(call) if call.nr == CallNr::SET_CREDENTIALS => Some(call.args),
        _ => None,
    });
    let ids: Vec<Vec<i64>> =
        identities.map(|args| args.iter().filter_map(|value| value.as_int()).collect()).collect();
    assert!(ids.contains(&vec![i64::from(uid), i64::from(gid)]), "{ids:?}");
}

#[test]
fn a_case_of_before_groups_means_what_it_meant() {
    let text = r#"{"filter": "", "abi": "v4", "fidelity": "faithful", "tree": "",
        "clients": [{"uid": 1000, "actions": []}], "schedule": []}"#;
    let case = Case::from_json(text).expect("an old case");
    assert_eq!((case.clients[0].uid, case.clients[0].group()), (1000, 1000));
    assert!(!case.to_json().contains("gid"), "an old reader reads what has no groups");
}

/// Shows names with this ending as so many `x`, if they are at least so long.
fn redacts(longer_than: usize) -> FuseOps {
    FuseOps::new("redacts")
        .mentioning(Mentions::of([b".key"], []))
        .readdir_prefilter(|_, _| Verdict::Postfilter)
        .readdir_postfilter(move |cx, _, _, entries| {
            if cx.error_in().is_none() {
                entries.edit_names(|name| {
                    if name.len() > longer_than && name.ends_with(b".key") {
                        name.fill(b'x');
                    }
                });
            }
            Verdict::Continue
        })
}

#[test]
fn names_that_end_with_or_equal_what_a_filter_mentions_are_made() {
    found(5000, || redacts(4), || redacts(3));
    found(5000, || redacts(255), || redacts(4));
}

#[test]
fn what_a_filter_in_rust_mentions_is_tried_as_the_name_of_an_attribute() {
    let guards_values = || {
        let verdict = |name: Option<&[u8]>, errno| match name {
            Some(name) if name.starts_with(b"user.guard.") => Verdict::Error(errno),
            _ => Verdict::Continue,
        };
        FuseOps::new("wrong")
            .mentioning(xattr_guard().mentions())
            .setxattr_prefilter(move |_, _, name, value| match value.bytes() {
                Some([]) | None => Verdict::Continue,
                Some(_) => verdict(name.bytes(), Errno::EPERM),
            })
            .removexattr_prefilter(move |_, name| verdict(name.bytes(), Errno::EPERM))
            .getxattr_prefilter(move |_, _, name| verdict(name.bytes(), Errno::ENODATA))
    };
    found(10_000, guards_values, xattr_guard);
}

/// Files end at 1 MiB, as far as the end of a change is below `wrap`.
fn ends(wrap: u64) -> FuseOps {
    let verdict = move |end: u64| match end % wrap > 1 << 20 {
        true => Verdict::Error(Errno::EFBIG),
        false => Verdict::Continue,
    };
    FuseOps::new("ends")
        .write_iter_prefilter(move |_, write| {
            verdict(write.offset.saturating_add(write.size.into()))
        })
        .file_fallocate_prefilter(move |_, space| {
            verdict(space.offset.saturating_add(space.length))
        })
        .setattr_prefilter(move |_, attr: &mut FuseSetattrIn| {
            verdict(if attr.valid & fuserig_abi::FATTR_SIZE != 0 { attr.size } else { 0 })
        })
}

#[test]
fn places_beyond_32_bits_are_written_to() {
    found(10_000, || ends(1 << 32), || ends(1 << 63));
}

/// Hides what begins with a dot; asks for the next page, or not, where nothing is left of one.
fn hides(again: u32) -> FuseOps {
    FuseOps::new("hides").readdir_prefilter(|_, _| Verdict::Postfilter).readdir_postfilter(
        move |cx, _, out, entries| {
            if cx.error_in().is_none() {
                let is_hidden = |name: &[u8]| name.starts_with(b".") && name.len() > 2;
                let dropped = entries.retain(|entry| !is_hidden(entry.name));
                out.again = if dropped > 0 && entries.is_empty() { again } else { 0 };
            }
            Verdict::Continue
        },
    )
}

#[test]
fn a_listing_of_which_a_page_is_hidden_goes_on() {
    let finding = found(20_000, || hides(0), || hides(1));
    assert!(finding.case.tree.lines().count() > 20, "{finding}");
}

#[test]
fn where_a_seek_left_a_file_is_read_or_written() {
    let tree = MemFs::from_tree(TREE).expect("well-formed");
    let config = WorkloadConfig { clients: 1, ..WorkloadConfig::default() };
    let (mut seeks, mut used) = (0, 0);
    for seed in 0..200 {
        let programs = config.draw(&mut Seed(seed).rng(), &tree);
        for pair in programs[0].actions.windows(2) {
            seeks += usize::from(matches!(pair[0], Action::Seek { .. }));
            used += usize::from(matches!(
                pair,
                [
                    Action::Seek { .. },
                    Action::Read { offset: None, .. } | Action::Write { offset: None, .. }
                ]
            ));
        }
    }
    assert!(used * 10 > seeks, "{used} of {seeks}");
}

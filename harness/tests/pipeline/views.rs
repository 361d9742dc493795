//! The states of buffers that writable views make: what the prefilter asked for, and what the
//! postfilter then sees. The last part of the table of what the stages cover.

use std::fmt::Write as _;

use fuserig_abi::{Abi, AbiTable, ArgKind, BufferFlags, CallArgs, Dir, Op, Phase, Slot};

use super::bench::Work;
use super::stages::{Subject, paths, play_with, subjects};

/// What is asked for of every in buffer.
const VIEWS: &[(&str, Work)] = &[
    ("its own size, with a copy", own_size),
    ("one byte more, without", one_more),
    ("more than there can be", too_much),
];

fn each(slot: Slot, args: &mut CallArgs, size: impl Fn(u32) -> u64, copy: bool) {
    if !matches!(slot, Slot::Member(_, Phase::Pre)) {
        return;
    }
    for index in 0..args.ins().len() {
        if let Some((buffer, arena)) = args.buffer_mut(Dir::In, index) {
            buffer.get_rw_dynptr(arena, size(buffer.size), copy);
        }
    }
}

fn own_size(slot: Slot, args: &mut CallArgs) {
    each(slot, args, u64::from, true);
}

fn one_more(slot: Slot, args: &mut CallArgs) {
    each(slot, args, |size| u64::from(size) + 1, false);
}

fn too_much(slot: Slot, args: &mut CallArgs) {
    each(slot, args, |_| 1 << 20, false);
}

/// The arguments of the postfilter after that view, or how the run ended before it.
fn after(abi: Abi, subject: &Subject, work: Work) -> String {
    let path = paths(abi).find(|path| path.title == "postfilter").expect("the path is there");
    let (lines, outcome) = play_with(abi, subject, path, work);
    let call = lines.lines().find(|line| line.contains(" call ") && line.contains("POSTFILTER"));
    match (call.and_then(|line| line.split_once(" error_in ")), outcome.stop) {
        (Some((_, rest)), _) => rest.split_once(' ').map_or("none", |(_, rest)| rest).to_owned(),
        (None, Some(stop)) => format!("{stop:?}"),
        (None, None) => "no call".to_owned(),
    }
}

/// The operations whose in arguments have a buffer, with whether all of them are constant.
fn with_buffers(abi: Abi) -> impl Iterator<Item = (Subject, bool)> {
    subjects().filter_map(move |subject| {
        let row = AbiTable::of(abi).operation(subject.op);
        let mut buffers = row.in_args.iter().filter(|arg| arg.kind == ArgKind::Buffer).peekable();
        buffers.peek()?;
        let constant = buffers.all(|arg| {
            let buffer = row.buffers.iter().find(|buffer| buffer.arg == arg.name);
            buffer.is_some_and(|row| row.initial_flags.contains(BufferFlags::IMMUTABLE))
        });
        Some((subject, constant))
    })
}

/// The part of the table, for the versions that have these views.
pub(crate) fn table(abi: Abi) -> String {
    let mut text = String::new();
    if !matches!(abi, Abi::V3 | Abi::V4) {
        return text;
    }
    text.push_str(
        "\nstates behind a writable view of the prefilter, as the postfilter sees them\n",
    );
    for (subject, _) in with_buffers(abi) {
        for (place, (title, work)) in VIEWS.iter().enumerate() {
            let name = if place == 0 { subject.name } else { "" };
            let seen = after(abi, &subject, *work);
            writeln!(text, "{name:<16} {title:<26} {seen}").expect("strings take everything");
        }
    }
    text
}

/// Each operation with a buffer in its arguments stands in the table, and shows every flag that a
/// view can set there: none on constant names, MODIFIED and ALLOCATED on the others.
#[test]
fn every_state_that_a_view_can_make_is_in_the_table() {
    for abi in [Abi::V3, Abi::V4] {
        let table = table(abi);
        let rows: Vec<Op> = with_buffers(abi).map(|(subject, _)| subject.op).collect();
        for op in Op::ALL {
            let row = AbiTable::of(abi).operation(op);
            let has = row.in_args.iter().any(|arg| arg.kind == ArgKind::Buffer);
            assert_eq!(has, rows.contains(&op), "{op:?}");
        }
        for (subject, constant) in with_buffers(abi) {
            let all: Vec<String> =
                VIEWS.iter().map(|(_, work)| after(abi, &subject, *work)).collect();
            assert!(all.iter().all(|seen| table.contains(seen)), "{}", subject.name);
            let changed = all.iter().any(|seen| seen.contains("wa)"));
            assert_eq!(changed, !constant, "{}: {all:?}", subject.name);
            if constant {
                assert!(all.iter().all(|seen| seen.contains("(i----)")), "{}", subject.name);
            }
        }
    }
}

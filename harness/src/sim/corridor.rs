//! The way of each request through the steps, judged by the codes of its filter.
//!
//! The table of SEMANTICS 2.3 and the order of 2.4, read from events: who is called after which
//! code, whether the lower step runs, whether the daemon is asked, and whose word is the result.
//! The pipeline has this as a course of steps; here it is a second time as a table, so that a step
//! that is left out is found although a filter and its twin both go without it. It refuses to know
//! arguments. What a reader would get wrong: requests of several clients are under way at once,
//! and readdir makes its rounds under one number, each with a result of its own.

use fuserig_abi::{Abi, Errno, Fidelity, Op, Phase, Quirk, Slot, code_label};
use fuserig_filters::Filter;

use crate::pipeline::{Event, What};

/// What the kernel is that the requests go through.
#[derive(Debug)]
pub(super) struct Corridor {
    abi: Abi,
    fidelity: Fidelity,
    /// The members that the filter has.
    members: [bool; Slot::COUNT],
    under_way: Vec<Way>,
}

/// One request, as far as it has come.
#[derive(Clone, Copy, Debug)]
struct Way {
    operation: u64,
    op: Op,
    /// What the prefilter stage answered, the default filter included.
    pre: Option<(Slot, i32)>,
    /// Whether the daemon was asked before, and after.
    asked: [bool; 2],
    lower: Option<i64>,
    post: Option<(Slot, i32)>,
    /// The error that the daemon answered with, before or after.
    refused: Option<i32>,
    /// Whether the last word of the daemon is one that only the device can judge.
    unclear: bool,
    finalize: i64,
    /// Whether a dispatcher looked at the wrong place, as this kernel does.
    astray: bool,
}

/// Where a code leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// The request fails with it.
    Fail,
    /// The ordinary path.
    Leave,
    /// The daemon, then the lower step.
    AskBefore,
    /// The lower step, and then as it says.
    Lower { post: bool, ask: bool },
}

impl Corridor {
    pub(super) fn new(abi: Abi, fidelity: Fidelity, filter: Option<&dyn Filter>) -> Corridor {
        let mut members = [false; Slot::COUNT];
        for slot in Slot::all() {
            members[slot.index()] = filter.is_some_and(|filter| filter.has(slot));
        }
        Corridor { abi, fidelity, members, under_way: Vec::new() }
    }

    /// Takes the next event; what is wrong with it, in a sentence.
    pub(super) fn event(&mut self, event: &Event<'_>) -> Option<String> {
        match event.what {
            What::Request { op, .. } => {
                // A run that ended without a result leaves nothing behind.
                self.under_way.retain(|way| way.operation != event.operation);
                self.under_way.push(Way::of(event.operation, op));
                return None;
            }
            What::Print { .. }
            | What::Output { .. }
            | What::Trap { .. }
            | What::Forget { .. }
            | What::Buffers { .. }
            | What::Crash { .. } => return None,
            _ => {}
        }
        let place = self.under_way.iter().rposition(|way| way.operation == event.operation)?;
        let mut way = self.under_way[place];
        let wrong = match event.what {
            What::Call { slot, args } => self.called(&way, slot, args.meta.error_in as i32),
            What::Return { slot, code, .. } => {
                let code = self.as_meant(code);
                match way.lower {
                    None => way.pre = Some((slot, code)),
                    Some(_) => way.post = Some((slot, code)),
                }
                None
            }
            What::Lower { code } => {
                let wrong = self.lower(&way);
                way.lower = Some(code);
                wrong
            }
            What::DaemonRequest { opcode, error_in, .. } => {
                self.asked(&mut way, opcode).or_else(|| self.told(&way, error_in))
            }
            What::DaemonReply { error, refused, .. } => {
                way.answered(error, refused);
                None
            }
            What::Quirk { quirk } => {
                let astray = [Quirk::DISP_1, Quirk::DISP_2, Quirk::DISP_4, Quirk::N23];
                way.astray |= astray.contains(&quirk);
                None
            }
            What::Finalize { code } => {
                way.finalize = code;
                None
            }
            What::Result { handled, value, .. } => {
                self.under_way.swap_remove(place);
                return self.ended(&way, handled, value);
            }
            _ => None,
        };
        self.under_way[place] = way;
        wrong.map(|wrong| format!("{}: {wrong} (SEMANTICS 2.3)", way.op.name()))
    }

    /// A code as it counts: the kernel as it was meant refuses what is no errno.
    fn as_meant(&self, code: i32) -> i32 {
        match self.fidelity {
            Fidelity::Intended if code < -4095 => Errno::EINVAL.negative(),
            _ => code,
        }
    }

    /// Where the prefilter stage leads.
    fn next(&self, way: &Way) -> Next {
        let lower = |post, ask| Next::Lower { post, ask };
        let Some((slot, code)) = way.pre else { return lower(false, false) };
        match (self.abi, code) {
            (_, code) if code < 0 => Next::Fail,
            (Abi::Android, code) if code & 1 != 0 => Next::AskBefore,
            (Abi::Android, code) if code & 2 == 0 => Next::Leave,
            (Abi::Android, code) => lower(code & 4 != 0, false),
            (_, 1) => Next::Leave,
            (_, 2) => Next::AskBefore,
            (_, 3) => lower(true, false),
            (_, 4) => lower(false, true),
            // The default filter that hands on to itself is called again; a member that hands on
            // to none is over.
            (Abi::V4, 5) => lower(slot == Slot::Default, false),
            _ => lower(false, false),
        }
    }

    fn label(&self, of: Option<(Slot, i32)>) -> String {
        match of {
            Some((slot, code)) => {
                format!("{} answered {}", slot.name(), code_label(self.abi, code))
            }
            None => "no member was called".to_owned(),
        }
    }

    /// A member is called.
    fn called(&self, way: &Way, slot: Slot, error_in: i32) -> Option<String> {
        let Some(lower) = way.lower else {
            let early = slot.phase() == Some(Phase::Post);
            return early.then(|| format!("{} is called before the lower step", slot.name()));
        };
        if slot.phase() == Some(Phase::Pre) {
            return Some(format!("{} is called after the lower step", slot.name()));
        }
        let after_daemon =
            self.abi == Abi::Android && way.pre.is_some_and(|(_, code)| code & 4 != 0);
        if !(matches!(self.next(way), Next::Lower { post: true, .. }) || after_daemon) {
            let why = self.label(way.pre);
            return Some(format!("{} is called, although {why}", slot.name()));
        }
        way.is_told(lower, error_in).map(|wrong| format!("{} {wrong}", slot.name()))
    }

    /// What the daemon is told of the lower step.
    fn told(&self, way: &Way, error_in: Option<u32>) -> Option<String> {
        let wrong = way.is_told(way.lower?, error_in? as i32)?;
        Some(format!("the daemon {wrong}"))
    }

    /// The lower step has run.
    fn lower(&self, way: &Way) -> Option<String> {
        let why = || self.label(way.pre);
        match self.next(way) {
            Next::Fail | Next::Leave => Some(format!("the lower step runs, although {}", why())),
            Next::AskBefore if !way.asked[0] => {
                let why = why();
                Some(format!("the daemon is not asked before the lower step, although {why}"))
            }
            Next::AskBefore => way.refused.map(|error| {
                format!("the lower step runs, although the daemon answered {}", Errno(-error))
            }),
            Next::Lower { .. } => None,
        }
    }

    /// The daemon is asked; ordinary requests are no part of the way.
    fn asked(&self, way: &mut Way, opcode: u32) -> Option<String> {
        let phase = Phase::ALL.into_iter().find(|phase| opcode & phase.bit() != 0)?;
        way.unclear = true;
        let after = phase == Phase::Post;
        way.asked[usize::from(after)] = true;
        let meant = match phase {
            Phase::Pre => way.lower.is_none() && self.next(way) == Next::AskBefore,
            Phase::Post => way.lower.is_some() && self.asks_after(way),
        };
        let when = if after { "after" } else { "before" };
        (!meant).then(|| {
            let why = self.label(way.post.or(way.pre));
            format!("the daemon is asked {when} the lower step, although {why}")
        })
    }

    /// Whether the daemon has a word after the lower step.
    fn asks_after(&self, way: &Way) -> bool {
        match (self.abi, way.post) {
            (Abi::Android, Some((_, code))) => code >= 0 && code & 1 != 0,
            (_, Some((_, code))) => code == 4,
            (_, None) => matches!(self.next(way), Next::Lower { ask: true, .. }),
        }
    }

    /// The request is over.
    fn ended(&self, way: &Way, handled: bool, value: i64) -> Option<String> {
        let wrong = self.left_out(way, handled, value).or_else(|| self.result(way, handled, value));
        wrong.map(|wrong| format!("{}: {wrong} (SEMANTICS 2.3, 2.4)", way.op.name()))
    }

    /// A step that should have been. A request that failed between the steps has fewer of them.
    fn left_out(&self, way: &Way, handled: bool, value: i64) -> Option<String> {
        let next = self.next(way);
        let why = || self.label(way.pre);
        let leaves = match self.abi {
            Abi::Android => way.pre.is_some_and(|(_, code)| code >= 0 && code & 2 == 0),
            _ => next == Next::Leave,
        };
        if !handled && !leaves {
            return Some(format!("it leaves for the ordinary path, although {}", why()));
        }
        if handled && leaves && value >= 0 {
            let why = why();
            return Some(format!("it does not leave for the ordinary path, although {why}"));
        }
        if way.lower.is_none() {
            // There finalize runs all the same, and takes in arguments for out arguments (AND-1).
            let finalized = self.abi == Abi::Android && way.finalize != 0;
            let served = handled && value >= 0 && !finalized;
            return served.then(|| "it succeeds without the lower step".to_owned());
        }
        if let Next::Lower { post: true, .. } = next
            && way.post.is_none()
            && self.has_postfilter(way)
        {
            return Some(format!("the postfilter is not called, although {}", why()));
        }
        (self.asks_after(way) && !way.asked[1] && value >= 0).then(|| {
            let why = self.label(way.post.or(way.pre));
            format!("the daemon is not asked after the lower step, although {why}")
        })
    }

    /// Whether a postfilter that was asked for is there.
    fn has_postfilter(&self, way: &Way) -> bool {
        let has = |op, phase| self.members[Slot::Member(op, phase).index()];
        match way.op {
            _ if way.astray => false,
            Op::Release if self.abi == Abi::V4 && self.fidelity == Fidelity::Faithful => {
                has(Op::Releasedir, Phase::Post)
            }
            // The dispatcher tests the prefilter (DISP-2).
            Op::Mkdir => has(Op::Mkdir, Phase::Pre) && has(Op::Mkdir, Phase::Post),
            op => has(op, Phase::Post),
        }
    }

    /// Whose word is the result.
    fn result(&self, way: &Way, handled: bool, value: i64) -> Option<String> {
        let negative = |of: Option<(Slot, i32)>| of.filter(|(_, code)| *code < 0);
        let (whose, word) = if !handled {
            return None;
        } else if way.finalize != 0 {
            ("finalize", way.finalize)
        } else if let Some(error) = way.refused {
            ("the daemon", error.into())
        } else if way.unclear {
            return None;
        } else if let Some((slot, code)) = negative(way.post).or(negative(way.pre)) {
            (slot.name(), code.into())
        } else if let Some(code) = way.lower.filter(|code| *code != 0) {
            ("the lower step", code)
        } else {
            return None;
        };
        (value != word).then(|| format!("the result is {value}, although {whose} said {word}"))
    }
}

impl Way {
    fn of(operation: u64, op: Op) -> Way {
        Way {
            operation,
            op,
            pre: None,
            asked: [false; 2],
            lower: None,
            post: None,
            refused: None,
            unclear: false,
            finalize: 0,
            astray: false,
        }
    }

    /// What is wrong with the error that a filter or the daemon is told after the lower step.
    fn is_told(&self, lower: i64, error_in: i32) -> Option<String> {
        // Of these an error is told that is no failure of the step (2.5).
        let tells = matches!(self.op, Op::Lookup | Op::Statfs | Op::GetLink) && lower >= 0;
        let told = lower.min(0);
        (!tells && !self.astray && i64::from(error_in) != told)
            .then(|| format!("is told {error_in} of a lower step that ended in {told}"))
    }

    /// What the daemon said. A reply that the device took is its word; after any other the device
    /// decides, and after success the arguments that came with it.
    fn answered(&mut self, error: i32, refused: Option<Errno>) {
        if self.asked.contains(&true) && refused.is_none() && error < 0 {
            self.refused = Some(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use fuserig_abi::{CallArgs, Caller, Credentials, NodeId, Pid, Timespec};
    use fuserig_filters::FilterEnv;

    use super::*;
    use crate::pipeline::Step;

    /// A filter that has every member but the default one.
    #[derive(Debug)]
    struct Every;

    impl Filter for Every {
        fn name(&self) -> &str {
            "every"
        }

        fn has(&self, slot: Slot) -> bool {
            slot != Slot::Default
        }

        fn call(&mut self, _: Slot, _: &mut CallArgs, _: &mut FilterEnv<'_>) -> u32 {
            0
        }
    }

    /// What happens to a mkdir.
    #[derive(Clone, Copy)]
    enum Did {
        Pre(i32),
        Post { told: i32, code: i32 },
        Default(i32),
        Lower(i64),
        Ask(Phase),
        Reply(i32),
        Finalize(i64),
        Result(bool, i64),
    }
    use Did::*;

    /// What is wrong with a mkdir on that kernel.
    fn judged(abi: Abi, course: &[Did]) -> Option<String> {
        let mut corridor = Corridor::new(abi, Fidelity::Faithful, Some(&Every));
        let caller = Caller::new(Credentials::root(), Pid(1), Timespec::default());
        let mut args = CallArgs::new(Op::Mkdir);
        let mut found = None;
        let mut event = |what: What<'_>| {
            let event = Event { operation: 1, step: Step::Enter, what };
            let wrong = corridor.event(&event);
            found = found.take().or(wrong);
        };
        event(What::Request { op: Op::Mkdir, caller: &caller, args: &args, data: &[] });
        for did in course {
            let mut member = |slot: Slot, told: i32, code: i32| {
                args.meta.error_in = told as u32;
                event(What::Call { slot, args: &args });
                event(What::Return { slot, code, args: &args });
            };
            match *did {
                Pre(code) => member(Slot::Member(Op::Mkdir, Phase::Pre), 0, code),
                Post { told, code } => member(Slot::Member(Op::Mkdir, Phase::Post), told, code),
                Default(code) => member(Slot::Default, 0, code),
                Lower(code) => event(What::Lower { code }),
                Ask(phase) => event(What::DaemonRequest {
                    opcode: Op::Mkdir.opcode().0 | phase.bit(),
                    nodeid: NodeId(1),
                    body: &[],
                    pieces: &[],
                    error_in: None,
                }),
                Reply(error) => event(What::DaemonReply { error, body: &[], refused: None }),
                Finalize(code) => event(What::Finalize { code }),
                Result(handled, value) => {
                    event(What::Result { handled, value, args: &args, data: &[] });
                }
            }
        }
        found
    }

    #[test]
    fn each_row_of_the_table_is_let_pass() {
        let (before, after) = (Ask(Phase::Pre), Ask(Phase::Post));
        let post = |code| Post { told: 0, code };
        let rows: [&[Did]; 14] = [
            &[Pre(-1), Result(true, -1)],
            &[Pre(0), Lower(0), Finalize(0), Result(true, 0)],
            &[Pre(0), Lower(-17), Finalize(0), Result(true, -17)],
            &[Pre(1), Result(false, 0)],
            &[Pre(2), before, Reply(-13), Result(true, -13)],
            &[Pre(2), before, Reply(0), Lower(0), Finalize(0), Result(true, 0)],
            &[Pre(3), Lower(0), post(1), Finalize(0), Result(true, 0)],
            &[Pre(3), Lower(-17), Post { told: -17, code: -1 }, Finalize(0), Result(true, -1)],
            &[Pre(3), Lower(-17), Post { told: -17, code: 0 }, Finalize(0), Result(true, -17)],
            &[Pre(3), Lower(0), post(-1), Finalize(-5), Result(true, -5)],
            &[Pre(3), Lower(0), post(4), after, Reply(-12), Finalize(0), Result(true, -12)],
            &[Pre(4), Lower(0), after, Reply(0), Finalize(0), Result(true, 0)],
            &[Pre(9), Lower(0), Finalize(0), Result(true, 0)],
            // Room for the answer was short before the lower step.
            &[Pre(3), Result(true, -12)],
        ];
        for (row, course) in rows.into_iter().enumerate() {
            assert_eq!(judged(Abi::V3, course), None, "row {row}");
            assert_eq!(judged(Abi::V4, course), None, "row {row} of v4");
        }
    }

    #[test]
    fn the_default_filter_stands_for_a_member() {
        let again = [Default(5), Lower(0), Default(0), Finalize(0), Result(true, 0)];
        assert_eq!(judged(Abi::V4, &again), None);
        assert_eq!(judged(Abi::V4, &[Pre(5), Default(-1), Result(true, -1)]), None);
        let none = [Pre(5), Lower(0), Finalize(0), Result(true, 0)];
        assert_eq!(judged(Abi::V4, &none), None);
    }

    #[test]
    fn the_bits_of_android_are_a_way_of_their_own() {
        let pre = Phase::Pre;
        let post = |code| Post { told: 0, code };
        let rows: [&[Did]; 4] = [
            &[Pre(0), Result(false, 0)],
            &[Pre(2), Lower(0), Finalize(0), Result(true, 0)],
            &[Pre(6), Lower(0), post(0), Finalize(0), Result(true, 0)],
            &[
                Pre(7),
                Ask(pre),
                Reply(0),
                Lower(0),
                post(1),
                Ask(Phase::Post),
                Reply(0),
                Finalize(0),
                Result(true, 0),
            ],
        ];
        for (row, course) in rows.into_iter().enumerate() {
            assert_eq!(judged(Abi::Android, course), None, "row {row}");
        }
        let aliased = [Pre(-1), Finalize(8), Result(true, 8)];
        assert_eq!(judged(Abi::Android, &aliased), None);
        assert!(judged(Abi::V4, &aliased).is_some());
        let wrong = judged(Abi::Android, &[Pre(0), Lower(0), Result(true, 0)]).expect("no BACKING");
        assert!(wrong.contains("the lower step runs, although mkdir_prefilter"), "{wrong}");
    }

    #[test]
    fn a_step_too_many_or_too_few_is_found() {
        let ok = Result(true, 0);
        let rows: [(&[Did], &str); 15] = [
            (&[Pre(-1), Lower(0)], "the lower step runs, although mkdir_prefilter answered EPERM"),
            (&[Pre(-1), Result(true, 0)], "it succeeds without the lower step"),
            (&[Pre(-1), Result(true, -2)], "the result is -2, although mkdir_prefilter said -1"),
            (&[Pre(0), Lower(-17), ok], "the result is 0, although the lower step said -17"),
            (
                &[Pre(0), Lower(0), Post { told: 0, code: 0 }],
                "mkdir_postfilter is called, although",
            ),
            (&[Pre(0), Lower(0), Result(false, 0)], "it leaves for the ordinary path, although"),
            (&[Pre(1), ok], "it does not leave for the ordinary path, although"),
            (&[Pre(2), Lower(0)], "the daemon is not asked before the lower step"),
            (&[Pre(2), Ask(Phase::Pre), Reply(-5), Lower(0)], "although the daemon answered EIO"),
            (&[Pre(3), Lower(-2), Result(true, -2)], "the postfilter is not called, although"),
            (&[Pre(3), Post { told: 0, code: 0 }], "mkdir_postfilter is called before the lower"),
            (
                &[Pre(3), Lower(-2), Post { told: 0, code: 0 }],
                "is told 0 of a lower step that ended in -2",
            ),
            (&[Pre(4), Lower(0), ok], "the daemon is not asked after the lower step"),
            (&[Pre(0), Ask(Phase::Pre)], "the daemon is asked before the lower step, although"),
            (&[Pre(0), Lower(0), Finalize(-5), ok], "the result is 0, although finalize said -5"),
        ];
        for (course, expected) in rows {
            let wrong = judged(Abi::V3, course).unwrap_or_default();
            assert!(wrong.starts_with("mkdir: ") && wrong.contains(expected), "{wrong}");
        }
    }
}

//! Two engines for every call of a filter, and the first thing they disagree about.
//!
//! The interpreter decides; the other engine runs the same call on copies of the arguments and
//! with maps of its own. What a reader would get wrong: a call whose budget is spent is not
//! compared, because engines count differently, and after the first difference nothing is, because
//! their maps may differ for good.

use core::cell::RefCell;
use core::fmt;
use std::rc::Rc;

use fuserig_abi::{CallArgs, Slot};

use super::interp::TrapKind;
use super::{BpfFilter, Engine, LineCount};
use crate::{Filter, FilterEnv};

/// The first difference of two engines.
///
/// ```
/// use fuserig_filters::engine::{Difference, Engine};
/// let difference = Difference {
///     call: 3,
///     member: "open_prefilter".into(),
///     engine: Engine::Rbpf,
///     what: "r0".into(),
///     interp: "0x0".into(),
///     other: "0x7".into(),
///     place: None,
/// };
/// let text = "call 3, open_prefilter: r0 is 0x0 on interp and 0x7 on rbpf";
/// assert_eq!(difference.to_string(), text);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The number of the call, counted from 1.
    pub call: u64,
    /// The member.
    pub member: String,
    /// The engine that was asked beside the interpreter.
    pub engine: Engine,
    /// What differs: r0, an argument, a map, a line.
    pub what: String,
    /// The interpreter's side.
    pub interp: String,
    /// The other side.
    pub other: String,
    /// The first piece of the program that the other engine computed otherwise, with the registers
    /// before it; none when every piece is alike.
    pub place: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { call, member, engine, what, interp, other, place } = self;
        write!(f, "call {call}, {member}: {what} is {interp} on interp and {other} on {engine}")?;
        match place {
            Some(place) => write!(f, "\n{place}"),
            None => Ok(()),
        }
    }
}

/// What came of comparing so far.
///
/// ```
/// use fuserig_filters::engine::Crossed;
/// assert_eq!(Crossed::default().calls, 0);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crossed {
    /// Calls that were compared.
    pub calls: u64,
    /// Calls that were not, because a budget was spent or a difference was found before.
    pub skipped: u64,
    /// The first difference.
    pub difference: Option<Difference>,
}

/// A filter that runs every call on two engines.
///
/// ```
/// use fuserig_filters::engine::CrossCheck;
/// fn calls(filter: &CrossCheck) -> u64 {
///     filter.crossed().borrow().calls
/// }
/// # let _ = calls;
/// ```
#[derive(Debug)]
pub struct CrossCheck {
    interp: BpfFilter,
    other: BpfFilter,
    crossed: Rc<RefCell<Crossed>>,
}

impl CrossCheck {
    /// Runs a filter on the interpreter, which decides, and on another engine. Both are the same
    /// object with the same limits.
    pub fn new(interp: BpfFilter, other: BpfFilter) -> CrossCheck {
        CrossCheck { interp, other, crossed: Rc::default() }
    }

    /// What came of it so far; shared with the filter.
    pub fn crossed(&self) -> &Rc<RefCell<Crossed>> {
        &self.crossed
    }
}

impl Filter for CrossCheck {
    fn name(&self) -> &str {
        self.interp.name()
    }

    fn has(&self, slot: Slot) -> bool {
        self.interp.has(slot)
    }

    fn executed(&self) -> Option<u64> {
        self.interp.executed()
    }

    fn helper_calls(&self) -> Option<u64> {
        self.interp.helper_calls()
    }

    fn lines(&self) -> Vec<LineCount> {
        self.interp.lines()
    }

    fn mentions(&self) -> crate::Mentions {
        self.interp.mentions()
    }

    fn programs(&self) -> usize {
        self.interp.programs()
    }

    fn call(&mut self, slot: Slot, args: &mut CallArgs, env: &mut FilterEnv<'_>) -> u32 {
        let mut crossed = self.crossed.borrow_mut();
        if crossed.difference.is_some() {
            crossed.skipped += 1;
            return self.interp.call(slot, args, env);
        }
        let before = (args.clone(), self.other.machine().clone());
        let mut copies = args.clone();
        let mut beside = env.empty();
        let mut own = env.empty();
        let code = self.interp.call(slot, args, &mut own);
        let other = self.other.call(slot, &mut copies, &mut beside);
        let spent = |env: &FilterEnv<'_>| {
            env.trap().is_some_and(|trap| matches!(trap.kind, TrapKind::Budget(_)))
        };
        if spent(&own) || spent(&beside) {
            crossed.skipped += 1;
        } else {
            crossed.calls += 1;
            let found = outcome([code, other], [&own, &beside])
                .or_else(|| arguments(args, &copies))
                .or_else(|| self.interp.state_difference(&self.other));
            if let Some([what, interp, other]) = found {
                let place = self.other.first_mismatch(slot, before, env);
                crossed.difference = Some(Difference {
                    call: crossed.calls + crossed.skipped,
                    member: slot.name().to_owned(),
                    engine: self.other.engine(),
                    what,
                    interp,
                    other,
                    place,
                });
            }
        }
        env.absorb(own);
        code
    }
}

/// What differs, and both sides.
pub(super) type Sides = [String; 3];

fn sides(
    what: impl Into<String>,
    one: impl fmt::Display,
    other: impl fmt::Display,
) -> Option<Sides> {
    Some([what.into(), one.to_string(), other.to_string()])
}

/// Traps, r0, and what was left for the trace.
fn outcome(codes: [u32; 2], envs: [&FilterEnv<'_>; 2]) -> Option<Sides> {
    let trap = envs.map(|env| {
        env.trap().map_or("none".to_owned(), |trap| {
            format!("`{}` at instruction {}", trap.kind, trap.insn)
        })
    });
    if trap[0] != trap[1] {
        return sides("the trap", &trap[0], &trap[1]);
    }
    if codes[0] != codes[1] {
        let [one, other] = codes;
        return sides("r0", format!("{one:#x}"), format!("{other:#x}"));
    }
    let printed = envs.map(FilterEnv::printed);
    if let Some(at) = first_difference(printed[0], printed[1]) {
        let line = |lines: &[String]| lines.get(at).map_or("missing".into(), |l| format!("{l:?}"));
        return sides(format!("printed line {}", at + 1), line(printed[0]), line(printed[1]));
    }
    let outputs = envs.map(FilterEnv::outputs);
    if let Some(at) = first_difference(outputs[0], outputs[1]) {
        let record = |records: &[(String, Vec<u8>)]| match records.get(at) {
            Some((map, bytes)) => format!("`{map}` {}", hex(bytes)),
            None => "missing".to_owned(),
        };
        return sides(format!("record {}", at + 1), record(outputs[0]), record(outputs[1]));
    }
    let quirks = envs.map(|env| env.quirks().join(" "));
    if quirks[0] != quirks[1] { sides("quirks", &quirks[0], &quirks[1]) } else { None }
}

fn first_difference<T: PartialEq>(one: &[T], other: &[T]) -> Option<usize> {
    (0..one.len().max(other.len())).find(|at| one.get(*at) != other.get(*at))
}

/// Everything a call may write besides maps.
fn arguments(one: &CallArgs, other: &CallArgs) -> Option<Sides> {
    if one.meta != other.meta {
        return sides("`meta`", format!("{:?}", one.meta), format!("{:?}", other.meta));
    }
    for (name, ours, theirs) in
        [("in", &one.in_args, &other.in_args), ("out", &one.out_args, &other.out_args)]
    {
        for (position, (ours, theirs)) in ours.iter().zip(theirs.iter()).enumerate() {
            if ours != theirs {
                let what = format!("{name} argument {position}");
                return sides(what, format!("{ours:?}"), format!("{theirs:?}"));
            }
        }
    }
    if one.arena == other.arena {
        return None;
    }
    sides("the data of a buffer", "one", "another")
}

/// Bytes as people read them, the first ones only.
pub(super) fn hex(bytes: &[u8]) -> String {
    let head: Vec<String> = bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let more = if bytes.len() > 16 { " ..." } else { "" };
    format!("{}{more}", head.join(" "))
}

//! `audit`: one line for every operation, and no other effect.
//!
//! Sets all 64 members. Every prefilter asks for the postfilter, and the postfilter prints a line
//! and answers CONTINUE, which leaves the result to the lower step. All members are alike, so this
//! filter implements [`Filter`] itself and takes the names of buffers from the operation table.
//!
//! Quirks it respects to stay transparent: the dispatchers of dir_fsync and mkdir call members that
//! they did not test, which is safe because all are set (DISP-1, DISP-2); names are only read,
//! because a writable dynptr marks a name as modified (BUF-7); values of extended attributes are
//! not looked at, because after a failed getxattr their size is an errno (BUF-6); the operation is
//! taken from `meta.opcode`, because v4 releases files through `releasedir` (DISP-3).
//! `default_filter` stays unset: no member is missing.
//!
//! A reader would get wrong `error_in=0`: about half of the operations report no error there even
//! when they failed (PIPE-11). An operation that fails before its lower step leaves no line.

use core::fmt::Write;

use fuserig_abi::{
    Abi, AbiTable, ArgKind, CallArgs, Errno, Op, Opcode, OperationRow, Phase, Slot, Verdict,
};

use crate::{Filter, FilterEnv};

/// Prints `OP nodeid=N [NAME="..."]... error_in=E verdict=V` for each operation that reached its
/// postfilter; bytes outside printable ASCII are escaped.
///
/// ```
/// use fuserig_abi::{CallArgs, Caller, Credentials, Op, Phase, Pid, Slot, Timespec};
/// use fuserig_filters::{Audit, Filter, FilterEnv};
/// let caller = Caller::new(Credentials::root(), Pid(1), Timespec::ZERO);
/// let mut env = FilterEnv::new(&caller);
/// let mut args = CallArgs::new(Op::Statfs);
/// Audit::new().call(Slot::Member(Op::Statfs, Phase::Post), &mut args, &mut env);
/// assert_eq!(env.printed(), ["statfs nodeid=0 error_in=0 verdict=CONTINUE"]);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Audit;

impl Audit {
    /// The filter; it has no state.
    pub fn new() -> Audit {
        Audit
    }
}

impl Filter for Audit {
    fn name(&self) -> &str {
        "audit"
    }

    fn has(&self, slot: Slot) -> bool {
        slot != Slot::Default
    }

    fn call(&mut self, slot: Slot, args: &mut CallArgs, env: &mut FilterEnv<'_>) -> u32 {
        match slot {
            Slot::Member(_, Phase::Pre) => Verdict::Postfilter.code(),
            Slot::Member(op, Phase::Post) => {
                env.print(line(op, args, Verdict::Continue));
                Verdict::Continue.code()
            }
            Slot::Default => Verdict::Continue.code(),
        }
    }
}

fn line(op: Op, args: &CallArgs, verdict: Verdict) -> String {
    let shown = Op::of_opcode(Opcode(args.meta.opcode)).unwrap_or(op);
    let mut line = format!("{shown} nodeid={}", args.meta.nodeid);
    // Arguments have the same names and positions in every version.
    names(AbiTable::of(Abi::V4).operation(op), args, &mut line);
    match args.meta.error_in as i32 {
        0 => line.push_str(" error_in=0"),
        code => push(&mut line, format_args!(" error_in=-{}", Errno(code.wrapping_neg()))),
    }
    push(&mut line, format_args!(" verdict={verdict}"));
    line
}

/// The in buffers that are text: all but the value of an extended attribute.
fn names(operation: &OperationRow, args: &CallArgs, line: &mut String) {
    for (row, arg) in operation.in_args.iter().zip(args.ins()) {
        let Some(buffer) = arg.as_buffer() else { continue };
        if row.kind == ArgKind::Buffer && row.name != "value" {
            // NULL and lost memory show as an empty name, as a failed dynptr read would.
            let text = buffer.c_string(&args.arena).unwrap_or(&[]);
            push(line, format_args!(" {}=\"{}\"", row.name, text.escape_ascii()));
        }
    }
}

fn push(line: &mut String, text: core::fmt::Arguments<'_>) {
    line.write_fmt(text).expect("a string takes any text");
}

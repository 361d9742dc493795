//! The specification read a second time: the sequence of steps of one operation on one path, as
//! SEMANTICS 2.2 (steps), 2.3 and 2.10 (codes), 2.5 (`error_in`), 2.6 and 2.7 (daemon requests and
//! what a reply carries), 4.2 and 4.3 (arguments, lower steps, finalize) and the corrections of
//! KERNEL-OBSERVED (N4, N8) have it. The pipeline's own code decides nothing here.

use fuserig_abi::{
    Abi, AbiTable, ArgKind, BufferFlags, Dir, Op, Opcode, OperationRow, Phase, RequestFlags,
    SizeInputs, Slot,
};

use super::stages::{Answer, LOWER_ERRNO, Members, Path, Subject, member, shown};

const ENOENT: i64 = -2;
const EIO: i64 = -5;
const ENOMEM: i64 = -12;
const EACCES: i64 = -13;
const ECONNREFUSED: i64 = -111;

/// One argument as a member sees it.
#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) name: String,
    pub(crate) size: i64,
    pub(crate) flags: Option<BufferFlags>,
    /// The largest size, for a buffer.
    pub(crate) max: i64,
}

/// How the steps end, as the last line writes it.
type End = String;

struct Reader<'a> {
    abi: Abi,
    subject: &'a Subject,
    path: &'a Path,
    row: &'static OperationRow,
    ins: Vec<Seen>,
    outs: Vec<Seen>,
    error_in: i64,
    error: i64,
    /// The number that the operation leaves, for those that leave one.
    value: i64,
    freed: usize,
    text: String,
}

/// The lines of one run without its quirks, and its end.
pub(crate) fn reading(abi: Abi, subject: &Subject, path: &Path) -> String {
    let row = AbiTable::of(abi).operation(subject.op);
    let mut reader = Reader {
        abi,
        subject,
        path,
        row,
        ins: arguments(row, subject, Dir::In),
        outs: arguments(row, subject, Dir::Out),
        error_in: 0,
        error: 0,
        value: 0,
        freed: 0,
        text: String::new(),
    };
    let end = reader.run();
    format!("{}  = {end}\n", reader.text)
}

/// 4.2 and 4.3: names of two characters, attribute names and targets of six.
pub(crate) fn arguments(row: &OperationRow, subject: &Subject, dir: Dir) -> Vec<Seen> {
    let op = subject.op;
    let size_argument = match op {
        Op::Setxattr => 2,
        Op::Getxattr | Op::Listxattr if !subject.variant => 64,
        _ => 0,
    };
    let make = |arg: &fuserig_abi::OperationArgRow| {
        if arg.kind == ArgKind::Struct {
            let size = i64::from(arg.size);
            return Seen { name: arg.name.clone(), size, flags: None, max: size };
        }
        let string_len = match (op, arg.name.as_str()) {
            (Op::Getxattr | Op::Setxattr | Op::Removexattr, "name") | (Op::Symlink, "path") => 6,
            _ => 2,
        };
        let buffer = row.buffer(&arg.name).expect("every buffer has a row");
        let inputs = SizeInputs { string_len, size_argument };
        // "present when size argument > 0": else the kernel's zeroed struct.
        let present = !buffer.needs_size || size_argument > 0;
        Seen {
            name: arg.name.clone(),
            size: i64::from(buffer.size.bytes(inputs)),
            flags: Some(if present { buffer.initial_flags } else { BufferFlags::empty() }),
            max: i64::from(buffer.max_size.bytes(inputs)),
        }
    };
    row.args(dir).iter().map(make).collect()
}

pub(crate) fn shown_all(args: &[Seen]) -> String {
    args.iter().map(|arg| shown(&arg.name, arg.size, arg.flags)).collect()
}

pub(crate) fn sizes(args: &[Seen]) -> Vec<i64> {
    args.iter().map(|arg| arg.size).collect()
}

/// `meta.nodeid`: the root has 1, everything below it 0 (7.6); operations on names have that of
/// their parent, but for link (LINKN-1).
pub(crate) fn nodeid(op: Op) -> u8 {
    let of_parent = matches!(
        op,
        Op::CreateOpen
            | Op::Lookup
            | Op::Mknod
            | Op::Mkdir
            | Op::Rmdir
            | Op::Rename
            | Op::Rename2
            | Op::Unlink
            | Op::Symlink
    );
    u8::from(of_parent)
}

/// Whether the result of a success is something else than a number.
pub(crate) fn is_typed(op: Op) -> bool {
    matches!(
        op,
        Op::CreateOpen
            | Op::Lookup
            | Op::Mknod
            | Op::Mkdir
            | Op::Rmdir
            | Op::Rename
            | Op::Rename2
            | Op::Unlink
            | Op::Link
            | Op::Getattr
            | Op::Statfs
            | Op::Symlink
    )
}

impl Reader<'_> {
    fn say(&mut self, step: u32, line: impl AsRef<str>) {
        self.text.push_str(&format!("  P{step:<2} {}\n", line.as_ref()));
    }

    fn run(&mut self) -> End {
        let op = self.subject.op;
        let request = format!("request nodeid {}{}", nodeid(op), shown_all(&self.ins));
        self.say(1, request);
        let mut next = match self.member_of(Phase::Pre) {
            Some(slot) => self.call(2, slot, Phase::Pre),
            None => self.missing(),
        };
        next = self.or_default(2, next, Phase::Pre);
        if next < 0 {
            self.error = next.into();
            return self.handled();
        }
        if next == 2 {
            match self.daemon_prefilter() {
                Ok(()) if self.error < 0 => return self.handled(),
                Ok(()) => next = 0,
                Err(end) => return end,
            }
        }
        for arg in &mut self.ins {
            arg.flags = arg.flags.map(|flags| flags | BufferFlags::IMMUTABLE);
        }
        if next == 1 {
            self.say(14, "ordinary path");
            return "left".to_owned();
        }
        self.lower();
        if next != 0
            && let Err(end) = self.after(next)
        {
            return end;
        }
        self.finalize();
        self.handled()
    }

    /// The member that the dispatcher calls, with the mistakes DISP-1 and DISP-3; a family has one
    /// dispatcher and none of them (9.2).
    fn member_of(&self, phase: Phase) -> Option<Slot> {
        let op = match (self.subject.op, phase) {
            (Op::DirFsync, Phase::Pre) if self.abi != Abi::V3Grouped => Op::Fsync,
            (Op::Release, _) if self.abi == Abi::V4 => Op::Releasedir,
            (op, _) => op,
        };
        let slot = Slot::Member(op, phase);
        self.path.members.has(slot).then_some(slot)
    }

    fn missing(&self) -> i32 {
        if self.abi == Abi::V4 { 5 } else { 0 }
    }

    fn or_default(&mut self, step: u32, code: i32, phase: Phase) -> i32 {
        if self.abi != Abi::V4 || code != 5 {
            return code;
        }
        if !self.path.members.has(Slot::Default) {
            return 0;
        }
        self.call(step, Slot::Default, phase)
    }

    fn call(&mut self, step: u32, slot: Slot, phase: Phase) -> i32 {
        let (name, opcode) = (member(slot), self.opcode(phase));
        let mut args = shown_all(&self.ins);
        if phase == Phase::Post {
            args.push_str(&shown_all(&self.outs));
        }
        self.say(step, format!("call {name} {opcode} error_in {}{args}", self.error_in));
        let code = match slot {
            Slot::Default => self.path.default,
            Slot::Member(_, Phase::Pre) => self.path.pre,
            Slot::Member(_, Phase::Post) => self.path.post,
        };
        self.say(step, format!("return {name} {code}"));
        code
    }

    fn opcode(&self, phase: Phase) -> Opcode {
        Opcode(self.subject.op.opcode().0 | phase.bit())
    }

    /// 2.6. Fills `error`; an end when the kernel stops.
    fn daemon_prefilter(&mut self) -> Result<(), End> {
        if self.ins.is_empty() {
            self.say(4, "stop USER-1");
            return Err("Crash(USER-1)".to_owned());
        }
        let immutable =
            |arg: &Seen| arg.flags.is_some_and(|flags| flags.contains(BufferFlags::IMMUTABLE));
        // The reply has the in args without the last one when that is an IMMUTABLE buffer.
        let back = self.ins.len() - usize::from(self.ins.last().is_some_and(immutable));
        for arg in &self.ins[..back] {
            if immutable(arg) {
                self.error = ENOMEM;
                return Ok(());
            }
            self.freed += usize::from(arg.flags.is_some());
        }
        let fixed: i64 = match self.subject.op {
            // A name that is not last comes back in its full length (USER-4).
            Op::Setxattr => 16 + 256 + 2,
            _ => self.ins[..back].iter().map(|arg| arg.size).sum(),
        };
        self.error = self.ask(4, Phase::Pre, &sizes(&self.ins), fixed)?;
        Ok(())
    }

    /// Sends a filter request; the errno it ends in, or 0.
    fn ask(&mut self, step: u32, phase: Phase, pieces: &[i64], back: i64) -> Result<i64, End> {
        let extension = match phase {
            Phase::Pre => String::new(),
            Phase::Post => format!(" error_in {}", self.error_in),
        };
        self.say(step, format!("ask {} {pieces:?}{extension}", self.opcode(phase)));
        let size = u32::from(!self.subject.variant);
        match self.path.daemon {
            None if self.row.request_flags(size).contains(RequestFlags::FORCE) => {
                self.say(step, "stop N4");
                Err("Hang(N4)".to_owned())
            }
            None => Ok(ECONNREFUSED),
            Some(Answer::Agrees) => {
                self.say(step, format!("reply 0, {back} bytes"));
                Ok(0)
            }
            Some(Answer::Refuses) => {
                self.say(step, format!("reply {EACCES}, 0 bytes"));
                Ok(EACCES)
            }
            Some(Answer::TooLong) => {
                self.say(step, "reply 0, 70000 bytes, refused -22");
                Ok(EIO)
            }
        }
    }

    /// P8 and 2.5.
    fn lower(&mut self) {
        let op = self.subject.op;
        let fails = self.path.lower_fails && !matches!(op, Op::Release | Op::Releasedir);
        let errno = i64::from(LOWER_ERRNO.negative());
        let hides = !self.row.lower_step_returns_lower_error;
        self.error = match op {
            _ if fails && hides => 0,
            _ if fails => errno,
            // The count of a read becomes the pipeline's error.
            Op::ReadIter => 5,
            _ => 0,
        };
        self.value = match op {
            _ if fails => errno,
            Op::Lseek => 3,
            Op::CopyFileRange | Op::Getxattr => 4,
            Op::Listxattr => 7,
            Op::ReadIter => 5,
            Op::WriteIter => 2,
            _ => 0,
        };
        let missing = op == Op::Lookup && self.subject.variant && !fails;
        self.error_in = if missing { ENOENT } else { self.error.min(0) };
        if matches!(op, Op::Getxattr | Op::Listxattr) && !self.subject.variant {
            // Only getxattr stores its errno as a size; listxattr leaves the size on failure. The
            // proposal keeps the errno apart, because BUF-6 does not apply to it (9.2).
            if op == Op::Getxattr && self.abi == Abi::V3Grouped {
                self.outs[0].size = self.value.max(0);
            } else if op == Op::Getxattr || !fails {
                self.outs[0].size = self.value;
            }
        }
        if op == Op::Readdir {
            self.outs[1].size = if fails { 0 } else { 64 };
        }
        let line = format!("lower {}", self.error);
        self.say(8, line);
    }

    /// P10 and P11.
    fn after(&mut self, next: i32) -> Result<(), End> {
        let op = self.subject.op;
        let mut code = next;
        if next == 3 {
            code = match self.member_of(Phase::Post) {
                // The dispatcher tests the prefilter instead (DISP-2).
                None if op == Op::Mkdir
                    && self.path.members == Members::Prefilters
                    && self.abi != Abi::V3Grouped =>
                {
                    self.say(10, "stop DISP-2");
                    return Err("Crash(DISP-2)".to_owned());
                }
                None => self.missing(),
                Some(slot) => self.call(10, slot, Phase::Post),
            };
        }
        code = self.or_default(10, code, Phase::Post);
        if code < 0 {
            self.error = code.into();
        } else if code == 4 {
            self.daemon_postfilter()?;
        }
        Ok(())
    }

    /// 2.7.
    fn daemon_postfilter(&mut self) -> Result<(), End> {
        let op = self.subject.op;
        let mut wire: Vec<Seen> = match op {
            // value when the size argument is above 0, else out.
            Op::Getxattr | Op::Listxattr => {
                vec![self.outs[usize::from(self.subject.variant)].clone()]
            }
            _ => self.outs.clone(),
        };
        for arg in &mut wire {
            // A negative size is larger than any: the buffer is cut to its maximum (USER-7).
            if arg.size < 0 {
                arg.size = arg.max;
            }
        }
        let mut pieces = sizes(&self.ins);
        pieces.extend(sizes(&wire));
        let back: i64 = sizes(&wire).iter().sum();
        let outcome = self.ask(11, Phase::Post, &pieces, back)?;
        if outcome < 0 {
            self.error = outcome;
            // The page keeps the length that it got for the reply (N8).
            if op == Op::Readdir {
                self.outs[1].size = self.outs[1].max;
            }
        } else if op == Op::Setxattr {
            self.say(11, "stop USER-3");
            return Err("Crash(USER-3)".to_owned());
        } else if op == Op::Getxattr && !self.subject.variant && self.value_is_size() {
            self.value = wire[0].size;
        }
        Ok(())
    }

    /// Whether the length of the value is the result: of the proposal only after a success.
    fn value_is_size(&self) -> bool {
        self.abi != Abi::V3Grouped || self.value >= 0
    }

    fn finalize(&mut self) {
        let lower_failed = self.path.lower_fails;
        let code = match self.subject.op {
            // Without a lower path: LOOK-2.
            Op::Lookup if lower_failed => ENOENT,
            // What is zero has no type: GATTR-1.
            Op::Getattr if lower_failed => EIO,
            // Behind the records the page is zero, and a name of length 0 is refused (RDIR-3).
            Op::Readdir if self.outs[1].size == self.outs[1].max => EIO,
            _ => 0,
        };
        self.say(12, format!("finalize {code}"));
        if code != 0 {
            self.error = code;
        }
    }

    /// P13 and P14.
    fn handled(&mut self) -> End {
        if self.freed > 0 {
            self.say(13, format!("buffers {} freed, 0 leaked", self.freed));
        }
        self.say(14, "handled");
        if self.error != 0 {
            return self.error.to_string();
        }
        if is_typed(self.subject.op) && self.value >= 0 {
            "ok".to_owned()
        } else {
            self.value.to_string()
        }
    }
}

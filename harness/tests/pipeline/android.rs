//! The steps A0 to A9 of SEMANTICS 2.11 with the deltas of 4.6, derived as a reader of those pages
//! derives them; the pipeline's own code decides nothing here. Steps are numbered as in 2.2.
//!
//! What a reader would get wrong: finalize runs after a failed program as well, and a number that
//! it gives replaces an error, because both are one pointer (AND-1, AND-6).

use fuserig_abi::{Abi, AbiTable, BufferFlags, Dir, Op, Opcode, Phase, Slot};

use super::reading::{Seen, arguments, is_typed, nodeid, shown_all, sizes};
use super::stages::{Answer, LOWER_ERRNO, Members, Path, Subject, member};

const ENOENT: i64 = -2;
const EIO: i64 = -5;
const EACCES: i64 = -13;
const ECONNREFUSED: i64 = -111;

/// `FUSE_BPF_USER_FILTER`, `FUSE_BPF_BACKING`, `FUSE_BPF_POST_FILTER`.
const USER_FILTER: i32 = 1;
const BACKING: i32 = 2;
const POST_FILTER: i32 = 4;

struct Reader<'a> {
    subject: &'a Subject,
    path: &'a Path,
    ins: Vec<Seen>,
    outs: Vec<Seen>,
    error_in: i64,
    error: i64,
    value: i64,
    text: String,
}

/// The lines of one run without its quirks, and its end.
pub(crate) fn reading_android(subject: &Subject, path: &Path) -> String {
    let row = AbiTable::of(Abi::V4).operation(subject.op);
    let mut outs = arguments(row, subject, Dir::Out);
    if subject.op == Op::Lookup {
        // One entry of 32 bytes in place of a list (7.8).
        outs[1] = Seen { name: "bpf_out".to_owned(), size: 32, flags: None, max: 32 };
    }
    let ins = arguments(row, subject, Dir::In);
    let (error_in, error, value) = (0, 0, 0);
    let mut reader =
        Reader { subject, path, ins, outs, error_in, error, value, text: String::new() };
    let end = reader.run();
    format!("{}  = {end}\n", reader.text)
}

impl Reader<'_> {
    fn say(&mut self, step: u32, line: impl AsRef<str>) {
        self.text.push_str(&format!("  P{step:<2} {}\n", line.as_ref()));
    }

    fn run(&mut self) -> String {
        let op = self.subject.op;
        self.say(1, format!("request nodeid {}{}", nodeid(op), shown_all(&self.ins)));
        // A3: "run the program, or use BACKING when there is none".
        let mut next = match self.path.members {
            Members::Nothing => BACKING,
            _ => self.call(2, Phase::Pre, self.path.pre),
        };
        if next < 0 {
            self.error = next.into();
            return self.aliased();
        }
        if next & USER_FILTER != 0 {
            let back: i64 = sizes(&self.ins).iter().sum();
            match self.ask(4, Phase::Pre, &sizes(&self.ins), back) {
                Ok(0) => next &= !USER_FILTER,
                Ok(error) => {
                    self.error = error;
                    return self.aliased();
                }
                Err(end) => return end,
            }
        }
        if next & BACKING == 0 {
            self.say(14, "ordinary path");
            return "left".to_owned();
        }
        for arg in &mut self.ins {
            arg.flags = arg.flags.map(|flags| flags | BufferFlags::IMMUTABLE);
        }
        self.lower();
        if next & POST_FILTER != 0
            && let Err(end) = self.after()
        {
            return end;
        }
        self.finalize();
        self.handled()
    }

    fn opcode(&self, phase: Phase) -> Opcode {
        Opcode(self.subject.op.opcode().0 | phase.bit())
    }

    fn call(&mut self, step: u32, phase: Phase, code: i32) -> i32 {
        let name = member(Slot::Member(self.subject.op, phase));
        let mut args = shown_all(&self.ins);
        if phase == Phase::Post {
            args.push_str(&shown_all(&self.outs));
        }
        let opcode = self.opcode(phase);
        self.say(step, format!("call {name} {opcode} error_in {}{args}", self.error_in));
        self.say(step, format!("return {name} {code}"));
        code
    }

    /// A4 and A8. The errno that the request ends in, or 0.
    fn ask(&mut self, step: u32, phase: Phase, pieces: &[i64], back: i64) -> Result<i64, String> {
        if self.subject.op == Op::WriteIter {
            // The data have a length and no address (AND-4).
            self.say(step, "stop AND-4");
            return Err("Crash(AND-4)".to_owned());
        }
        let error_in = match phase {
            Phase::Pre => String::new(),
            Phase::Post => format!(" error_in {}", self.error_in),
        };
        self.say(step, format!("ask {} {pieces:?}{error_in}", self.opcode(phase)));
        let forced = matches!(self.subject.op, Op::Flush | Op::Fsync | Op::DirFsync);
        match self.path.daemon {
            None if forced => {
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

    /// A6, and "error_in reliable for all but getxattr, get_link, release".
    fn lower(&mut self) {
        let op = self.subject.op;
        let fails = self.path.lower_fails && !matches!(op, Op::Release | Op::Releasedir);
        let errno = i64::from(LOWER_ERRNO.negative());
        let hides = matches!(op, Op::Getxattr | Op::GetLink);
        self.error = if fails && !hides { errno } else { 0 };
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
        self.error_in = if missing { ENOENT } else { self.error };
        if matches!(op, Op::Getxattr | Op::Listxattr)
            && !self.subject.variant
            && (op == Op::Getxattr || !fails)
        {
            self.outs[0].size = self.value;
        }
        if op == Op::Readdir {
            self.outs[1].size = if fails { 0 } else { 64 };
        }
        let line = format!("lower {}", self.error);
        self.say(8, line);
    }

    /// A7 and A8.
    fn after(&mut self) -> Result<(), String> {
        let code = self.call(10, Phase::Post, self.path.post);
        if code < 0 {
            self.error = code.into();
        } else if code & USER_FILTER != 0 {
            let op = self.subject.op;
            let mut wire: Vec<Seen> = match op {
                Op::Getxattr | Op::Listxattr => {
                    vec![self.outs[usize::from(self.subject.variant)].clone()]
                }
                _ => self.outs.clone(),
            };
            for arg in &mut wire {
                if arg.size < 0 {
                    arg.size = arg.max;
                }
                // The size of a pointer (AND-3).
                if op == Op::Statfs {
                    arg.size = 8;
                }
            }
            let mut pieces = sizes(&self.ins);
            pieces.extend(sizes(&wire));
            let back = sizes(&wire).iter().sum();
            let error = self.ask(11, Phase::Post, &pieces, back)?;
            if error < 0 {
                self.error = error;
                // "Sizes of out_args[0..1] restored to their initial values", and no reply came.
                wire.iter_mut().for_each(|arg| arg.size = arg.max);
            }
            match op {
                Op::Readdir => self.outs[1].size = wire[1].size,
                Op::Getxattr | Op::Listxattr if !self.subject.variant => {
                    self.outs[0].size = wire[0].size;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The number that finalize reads from the out arguments.
    fn number(&self) -> Option<i64> {
        let sized = !self.subject.variant;
        Some(match self.subject.op {
            // "out.offset only on success".
            Op::Lseek => self.value.max(0),
            Op::Getxattr | Op::Listxattr
                if self.subject.op == Op::Getxattr || self.error_in == 0 =>
            {
                if sized {
                    self.outs[0].size
                } else {
                    self.value
                }
            }
            Op::ReadIter | Op::WriteIter => self.value,
            _ => return None,
        })
    }

    fn finalize(&mut self) {
        let code = match self.subject.op {
            Op::Lookup if self.path.lower_fails => ENOENT,
            Op::Getattr if self.path.lower_fails => EIO,
            Op::Readdir if self.outs[1].size == self.outs[1].max => EIO,
            _ => 0,
        };
        self.say(12, format!("finalize {code}"));
        if code != 0 {
            self.error = code;
        }
        if let Some(number) = self.number().filter(|&number| number != 0) {
            (self.error, self.value) = (0, number);
        }
    }

    /// A9 after A3 or A4: the out arguments still are the in arguments (AND-1).
    fn aliased(&mut self) -> String {
        let code = match self.subject.op {
            Op::Getxattr | Op::Listxattr if !self.subject.variant => 8,
            Op::Getattr => EIO,
            Op::Lookup => ENOENT,
            // The handle number is 0 here, which is no result.
            _ => 0,
        };
        self.say(12, format!("finalize {code}"));
        if code != 0 {
            self.error = code;
        }
        self.handled()
    }

    fn handled(&mut self) -> String {
        self.say(14, "handled");
        match self.error {
            0 if is_typed(self.subject.op) && self.value >= 0 => "ok".to_owned(),
            0 => self.value.to_string(),
            error => error.to_string(),
        }
    }
}

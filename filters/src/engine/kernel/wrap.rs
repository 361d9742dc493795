//! The verifier's opinion of a member of a filter.
//!
//! A stock kernel has no `fuse_ops`, so a member is called by a generated `syscall` program that
//! hands it its arguments: structs as values of array maps of exactly their size (read-only ones
//! for const arguments), a `fuse_buffer` as one that it may not store to. The kernel functions of
//! fuse are stubs over `bpf_dynptr_from_mem`. What a reader would get wrong: only what the verifier
//! of this kernel can know of a filter is judged; the layout of `task_struct` is the ABI's, and
//! callbacks need types that are not loaded here, so members with those are not judged.

use std::os::fd::{AsRawFd as _, OwnedFd};

use fuserig_abi::btf::{Btf, KindTag};
use fuserig_abi::{Abi, AbiTable, ArgKind, SlotRow};

use super::bpf;
use super::program::{KernelError, last_words};
use crate::program::{
    DataKind, Insn, Linked, MapDef, MapKind, PSEUDO_CALL, PSEUDO_FUNC, PSEUDO_KFUNC, PSEUDO_MAP,
    PSEUDO_MAP_VALUE, Program,
};

/// Bytes of the verifier's words that are kept, the last ones.
const LOG_LEN: usize = 256 << 10;
/// `BPF_F_RDONLY_PROG`.
const READ_ONLY: u32 = 1 << 7;
/// Bytes behind the dynptr of a buffer: a page, the longest that a filter gets.
const DATA_LEN: u32 = 4096;
/// Bytes of `struct bpf_fuse_meta_info` and of `struct fuse_buffer`.
const META_LEN: u32 = 24;
const BUFFER_LEN: u32 = 24;
/// `bpf_get_current_task_btf`, `bpf_dynptr_from_mem`, `bpf_get_prandom_u32`.
const TASK: i32 = 158;
const FROM_MEM: i32 = 197;
const RANDOM: i32 = 7;

/// What the verifier of this kernel says of a member.
///
/// ```
/// use fuserig_filters::engine::kernel::Opinion;
/// let opinion = Opinion::Refused { insn: Some(3), words: "R0 !read_ok".into() };
/// assert_ne!(opinion, Opinion::Accepted);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opinion {
    /// It would run it.
    Accepted,
    /// It would not.
    Refused {
        /// The instruction of the program at which it gave up.
        insn: Option<u32>,
        /// Its last words.
        words: String,
    },
    /// It cannot be asked, for this reason.
    NotJudged(String),
}

/// Asks the verifier about a member. `host` has the types of this kernel.
///
/// # Errors
/// There is no bpf() here, or a map cannot be made.
pub fn opinion(
    linked: &Linked,
    program: &Program,
    row: &SlotRow,
    abi: Abi,
    host: &Btf,
) -> Result<Opinion, KernelError> {
    if let Some(reason) = beyond(program) {
        return Ok(Opinion::NotJudged(reason.to_owned()));
    }
    let mut wrapper = Wrapper { insns: Vec::new(), maps: Vec::new() };
    let entry = wrapper.entry(row, abi)?;
    let first = wrapper.insns.len();
    wrapper.insns[entry].imm = distance(entry, first);
    wrapper.insns.extend_from_slice(&program.insns);
    if let Err(reason) = wrapper.link(linked, program, first, host)? {
        return Ok(Opinion::NotJudged(reason));
    }
    Ok(wrapper.ask(first, program.insns.len()))
}

/// Why a program cannot be judged at all.
fn beyond(program: &Program) -> Option<&'static str> {
    let has = |wanted: fn(&Insn) -> bool| program.insns.iter().any(wanted);
    if has(|insn| insn.code == 0x85 && insn.src == 0 && insn.imm == TASK) {
        return Some("it reads task_struct, whose layout here is the ABI's and not this kernel's");
    }
    if has(|insn| insn.code == 0x18 && insn.src == PSEUDO_FUNC) {
        return Some("it has a callback, which a kernel checks by types that are not loaded");
    }
    None
}

fn distance(from: usize, to: usize) -> i32 {
    i32::try_from(to as i64 - from as i64 - 1).unwrap_or(i32::MAX)
}

fn insn(code: u8, dst: u8, src: u8, off: i16, imm: i32) -> Insn {
    Insn { code, dst, src, off, imm }
}

/// The program being made, and the maps that live until it was judged.
struct Wrapper {
    insns: Vec<Insn>,
    maps: Vec<OwnedFd>,
}

impl Wrapper {
    fn map(&mut self, kind: u32, key: u32, value: u32, entries: u32, flags: u32) -> Made {
        let made = bpf::create_map([kind, key, value, entries, flags]);
        let map = made.map_err(|error| KernelError::Unavailable(error.to_string()))?;
        self.maps.push(map);
        Ok(self.maps.last().map_or(-1, |map| map.as_raw_fd()))
    }

    /// An array of one value.
    fn value(&mut self, len: u32, flags: u32) -> Made {
        self.map(MapKind::Array.number(), 4, len.max(1), 1, flags)
    }

    fn address(&mut self, register: u8, map: i32) {
        self.insns.push(insn(0x18, register, PSEUDO_MAP_VALUE, 0, map));
        self.insns.push(insn(0, 0, 0, 0, 0));
    }

    /// Puts the arguments on the stack and calls the member; gives the place of the call.
    fn entry(&mut self, row: &SlotRow, abi: Abi) -> Result<usize, KernelError> {
        let space = 8 * i16::try_from(row.args.len().max(1)).unwrap_or(i16::MAX);
        let table = AbiTable::of(abi);
        for (index, arg) in row.args.iter().enumerate() {
            let len = match arg.kind {
                ArgKind::Meta => META_LEN,
                ArgKind::Buffer => BUFFER_LEN,
                ArgKind::Struct => table.structure(&arg.type_name).map_or(8, |found| found.size),
                ArgKind::Scalar => 0,
            };
            let slot = 8 * i16::try_from(index).unwrap_or(0) - space;
            if arg.kind == ArgKind::Scalar {
                self.insns.push(insn(0x85, 0, 0, 0, RANDOM));
                self.insns.push(insn(0x7b, 10, 0, slot, 0));
                continue;
            }
            let is_closed = arg.is_const || arg.kind == ArgKind::Buffer;
            let map = self.value(len, if is_closed { READ_ONLY } else { 0 })?;
            self.address(1, map);
            self.insns.push(insn(0x7b, 10, 1, slot, 0));
        }
        self.insns.push(insn(0xbf, 1, 10, 0, 0));
        self.insns.push(insn(0x07, 1, 0, 0, (-space).into()));
        self.insns.push(insn(0x85, 0, PSEUDO_CALL, 0, 0));
        self.insns.push(insn(0x95, 0, 0, 0, 0));
        Ok(self.insns.len() - 2)
    }

    /// Maps, kernel functions and stubs for the copy of a program; or why they cannot be had.
    fn link(
        &mut self,
        linked: &Linked,
        program: &Program,
        first: usize,
        host: &Btf,
    ) -> Result<Result<(), String>, KernelError> {
        let mut known = vec![None; linked.maps.len()];
        let name = |insn: &Insn| {
            let index = usize::try_from(insn.imm).unwrap_or(usize::MAX);
            linked.kfuncs.get(index).map_or("", String::as_str)
        };
        let is_call = |insn: &&Insn| (insn.code, insn.src) == (0x85, PSEUDO_KFUNC);
        let called: Vec<&str> = program.insns.iter().filter(is_call).map(name).collect();
        let stubs = self.stubs(&called)?;
        for (at, original) in program.insns.iter().enumerate() {
            let place = first + at;
            match (original.code, original.src) {
                (0x18, PSEUDO_MAP | PSEUDO_MAP_VALUE) => {
                    let index = usize::try_from(original.imm).unwrap_or(usize::MAX);
                    let Some(def) = linked.maps.get(index) else {
                        return Ok(Err(format!("map {} is not in the object", original.imm)));
                    };
                    let map = match known[index] {
                        Some(map) => map,
                        None => self.like(def)?,
                    };
                    known[index] = Some(map);
                    self.insns[place].imm = map;
                }
                (0x85, PSEUDO_KFUNC) => {
                    let name = name(original);
                    let stub = stubs.iter().find(|(known, _)| *known == name);
                    let found = host.find_kind(name, KindTag::Func);
                    let call = match (stub, found) {
                        (Some((_, stub)), _) => {
                            insn(0x85, 0, PSEUDO_CALL, 0, distance(place, *stub))
                        }
                        (None, Some(id)) => {
                            let id = i32::try_from(id.0).unwrap_or(-1);
                            insn(0x85, 0, PSEUDO_KFUNC, 0, id)
                        }
                        (None, None) => return Ok(Err(format!("this kernel has no {name}"))),
                    };
                    self.insns[place] = call;
                }
                _ => {}
            }
        }
        Ok(Ok(()))
    }

    /// A map like one of the object.
    fn like(&mut self, def: &MapDef) -> Made {
        let flags = match def.data {
            DataKind::ReadOnly => READ_ONLY,
            DataKind::Map | DataKind::Writable => def.flags,
        };
        let numbers = (def.kind.number(), def.key_size, def.value_size, def.max_entries);
        let map = self.map(numbers.0, numbers.1, numbers.2, numbers.3, flags)?;
        if let (DataKind::ReadOnly, Some(made)) = (def.data, self.maps.last()) {
            bpf::freeze(made).map_err(|error| KernelError::Unavailable(error.to_string()))?;
        }
        Ok(map)
    }

    /// The kernel functions of fuse that a program calls: names and where their stubs stand. A
    /// verifier refuses code that nothing reaches, so there are no others.
    fn stubs(&mut self, called: &[&str]) -> Result<Vec<(&'static str, usize)>, KernelError> {
        const DYNPTRS: [&str; 2] = ["bpf_fuse_get_ro_dynptr", "bpf_fuse_get_rw_dynptr"];
        const LEN: &str = "bpf_fuse_return_len";
        let mut stubs = Vec::new();
        for name in DYNPTRS.into_iter().filter(|name| called.contains(name)) {
            let data = self.value(DATA_LEN, 0)?;
            stubs.push((name, self.insns.len()));
            self.insns.push(insn(0xbf, 4, 2, 0, 0));
            self.address(1, data);
            self.insns.push(insn(0xb7, 2, 0, 0, DATA_LEN as i32));
            self.insns.push(insn(0xb7, 3, 0, 0, 0));
            self.insns.push(insn(0x85, 0, 0, 0, FROM_MEM));
            self.insns.push(insn(0x95, 0, 0, 0, 0));
        }
        if called.contains(&LEN) {
            stubs.push((LEN, self.insns.len()));
            self.insns.push(insn(0x85, 0, 0, 0, RANDOM));
            self.insns.push(insn(0x95, 0, 0, 0, 0));
        }
        Ok(stubs)
    }

    /// The verdict.
    fn ask(&self, first: usize, len: usize) -> Opinion {
        let bytes: Vec<[u8; 8]> = self.insns.iter().map(|insn| insn.to_bytes()).collect();
        if bpf::load(&bytes, &mut []).is_ok() {
            return Opinion::Accepted;
        }
        let mut log = vec![0; LOG_LEN];
        let Err(error) = bpf::load(&bytes, &mut log) else { return Opinion::Accepted };
        let words = explanation(&log).unwrap_or_else(|| last_words(&log, &error));
        const NOT_OF_THE_FILTER: [(&str, &str); 3] = [
            ("cannot use helper", "a syscall program may not call what a filter may"),
            ("unknown func", "this kernel does not know a helper"),
            ("combined stack size", "the wrapper needs some of the 512 bytes of stack"),
        ];
        let excuse = NOT_OF_THE_FILTER.iter().find(|(text, _)| words.contains(text));
        if let Some((_, reason)) = excuse {
            return Opinion::NotJudged(format!("{reason}: {words}"));
        }
        let at = last_instruction(&log).and_then(|at| at.checked_sub(first));
        let insn = at.filter(|at| *at < len).and_then(|at| u32::try_from(at).ok());
        Opinion::Refused { insn, words }
    }
}

/// The descriptor of a map.
type Made = Result<i32, KernelError>;

/// Lines of a refusal that are told.
const WORDS_MAX: usize = 3;

fn text_of(log: &[u8]) -> std::borrow::Cow<'_, str> {
    let end = log.iter().position(|byte| *byte == 0).unwrap_or(log.len());
    String::from_utf8_lossy(&log[..end])
}

/// The instruction that a line of the log speaks of: `12: (79) r0 = ...`.
fn instruction(line: &str) -> Option<usize> {
    let (number, rest) = line.split_once(": (")?;
    rest.get(2..3).filter(|closing| *closing == ")")?;
    number.trim().parse().ok()
}

/// The instruction that the log speaks of last.
fn last_instruction(log: &[u8]) -> Option<usize> {
    text_of(log).lines().rev().find_map(instruction)
}

/// What the log says behind the last instruction, on one line.
fn explanation(log: &[u8]) -> Option<String> {
    let text = text_of(log);
    let behind = text.lines().rev().take_while(|line| instruction(line).is_none());
    let said = behind.map(str::trim).filter(|line| {
        !line.is_empty() && !line.starts_with("processed") && !line.starts_with("verification")
    });
    let mut said: Vec<&str> = said.take(WORDS_MAX).collect();
    said.reverse();
    (!said.is_empty()).then(|| said.join("; "))
}

#[cfg(test)]
mod tests {
    use super::{explanation, last_instruction};

    #[test]
    fn the_last_instruction_of_a_log_is_found() {
        let log = b"0: (b7) r0 = 0\n; return x; @ a.c:3\n12: (79) r1 = *(u64 *)(r2 +0)\n\
                    R2 invalid mem access 'scalar'\nprocessed 9 insns\n\0\0";
        assert_eq!(last_instruction(log), Some(12));
        assert_eq!(explanation(log).as_deref(), Some("R2 invalid mem access 'scalar'"));
        assert_eq!(last_instruction(b"nothing"), None);
    }
}

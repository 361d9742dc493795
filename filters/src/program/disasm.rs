//! Instructions as text, in the notation of `llvm-objdump`.
//!
//! It names what the linked form refers to: maps, kernel functions, subprograms. It refuses
//! nothing: what is no instruction is printed as its fields.

use core::fmt::Write as _;

use super::{
    Insn, Linked, POISON_IMM, PSEUDO_CALL, PSEUDO_FUNC, PSEUDO_KFUNC, PSEUDO_MAP, PSEUDO_MAP_VALUE,
    Program,
};

/// The name of a helper by its number, where it is known.
pub type HelperName = fn(i32) -> Option<&'static str>;

/// One line an instruction, with a line for each function and each source line before it.
///
/// ```
/// use fuserig_filters::program::{FunctionSpan, Insn, Linked, Program, ProgramKind, disassemble};
/// let exit = Insn { code: 0x95, dst: 0, src: 0, off: 0, imm: 0 };
/// let program = Program {
///     name: "pass".into(),
///     section: "struct_ops/pass".into(),
///     kind: ProgramKind::StructOps,
///     insns: vec![exit],
///     functions: vec![FunctionSpan { name: "pass".into(), start: 0, len: 1 }],
///     lines: Vec::new(),
/// };
/// let text = disassemble(&Linked::default(), &program, |_| None);
/// assert_eq!(text, "pass:\n    0  exit\n");
/// ```
pub fn disassemble(linked: &Linked, program: &Program, helper: HelperName) -> String {
    let mut text = String::new();
    let mut second = false;
    let mut lines = program.lines.iter().peekable();
    let mut said = None;
    for (at, insn) in program.insns.iter().enumerate() {
        if std::mem::take(&mut second) {
            continue;
        }
        if let Some(function) =
            program.functions.iter().find(|function| function.start as usize == at)
        {
            let _ = writeln!(text, "{}:", function.name);
            said = None;
        }
        while let Some(line) = lines.next_if(|line| line.insn as usize <= at) {
            // Columns of one line follow each other; the line is said once.
            let same = said.replace((&line.file, line.line)) == Some((&line.file, line.line));
            if !same {
                let _ = writeln!(text, "; {}:{}  {}", line.file, line.line, line.text);
            }
        }
        let next = program.insns.get(at + 1);
        second = insn.code == 0x18 && next.is_some();
        let words = Words { linked, program, helper, at };
        let _ = writeln!(text, "{at:>5}  {}", words.insn(*insn, next.copied()));
    }
    text
}

struct Words<'a> {
    linked: &'a Linked,
    program: &'a Program,
    helper: HelperName,
    at: usize,
}

impl Words<'_> {
    fn insn(&self, insn: Insn, next: Option<Insn>) -> String {
        let text = match insn.code & 7 {
            0 => self.wide(insn, next),
            1 => load(insn),
            2 | 3 => store(insn),
            4 | 7 => arithmetic(insn),
            _ => self.jump(insn),
        };
        text.unwrap_or_else(|| {
            let Insn { code, dst, src, off, imm } = insn;
            format!("opcode {code:#04x} dst {dst} src {src} off {off} imm {imm}")
        })
    }

    fn wide(&self, insn: Insn, next: Option<Insn>) -> Option<String> {
        let next = next.filter(|_| insn.code == 0x18)?;
        let dst = insn.dst;
        let index = usize::try_from(insn.imm).ok();
        let map = index.and_then(|index| self.linked.maps.get(index));
        Some(match (insn.src, map) {
            (0, _) => {
                let low = u64::from(insn.imm.cast_unsigned());
                let number = low | u64::from(next.imm.cast_unsigned()) << 32;
                format!("r{dst} = {number:#x} ll")
            }
            (PSEUDO_MAP, Some(map)) => format!("r{dst} = map {}", map.name),
            (PSEUDO_MAP_VALUE, Some(map)) => format!("r{dst} = &{}[{}]", map.name, next.imm),
            (PSEUDO_FUNC, _) => format!("r{dst} = &{}", self.function(insn.imm.into())),
            _ => return None,
        })
    }

    fn function(&self, at: i64) -> String {
        let found = self.program.functions.iter().find(|one| i64::from(one.start) == at);
        found.map_or_else(|| format!("instruction {at}"), |one| one.name.clone())
    }

    fn jump(&self, insn: Insn) -> Option<String> {
        let is_32 = insn.code & 7 == 6;
        let next = self.at as i64 + 1;
        match insn.code {
            0x95 => return Some("exit".to_owned()),
            0x85 => return Some(self.call(insn, next)),
            0x05 => return Some(format!("goto {}", next + i64::from(insn.off))),
            0x06 => return Some(format!("gotol {}", next + i64::from(insn.imm))),
            _ => {}
        }
        let operator = match insn.code >> 4 {
            0x1 => "==",
            0x2 => ">",
            0x3 => ">=",
            0x4 => "&",
            0x5 => "!=",
            0x6 => "s>",
            0x7 => "s>=",
            0xa => "<",
            0xb => "<=",
            0xc => "s<",
            0xd => "s<=",
            _ => return None,
        };
        let register = if is_32 { "w" } else { "r" };
        let right = operand(insn, register);
        let target = next + i64::from(insn.off);
        Some(format!("if {register}{} {operator} {right} goto {target}", insn.dst))
    }

    fn call(&self, insn: Insn, next: i64) -> String {
        match insn.src {
            0 if insn.imm == POISON_IMM => "poison (not in this ABI)".to_owned(),
            0 => match (self.helper)(insn.imm) {
                Some(name) => format!("call {name}"),
                None => format!("call helper {}", insn.imm),
            },
            PSEUDO_CALL => format!("call {}", self.function(next + i64::from(insn.imm))),
            PSEUDO_KFUNC => {
                let index = usize::try_from(insn.imm).ok();
                let name = index.and_then(|index| self.linked.kfuncs.get(index));
                format!("call kernel {}", name.map_or("?", String::as_str))
            }
            src => format!("call of kind {src}, {}", insn.imm),
        }
    }
}

fn operand(insn: Insn, register: &str) -> String {
    if insn.code & 8 == 0 { insn.imm.to_string() } else { format!("{register}{}", insn.src) }
}

/// `*(u32 *)(r1 + 4)`.
fn memory(insn: Insn, base: u8, sign: char) -> String {
    let size = match insn.code & 0x18 {
        0x00 => 32,
        0x08 => 16,
        0x10 => 8,
        _ => 64,
    };
    let (operator, offset) =
        if insn.off < 0 { ('-', insn.off.unsigned_abs()) } else { ('+', insn.off.unsigned_abs()) };
    format!("*({sign}{size} *)(r{base} {operator} {offset})")
}

fn load(insn: Insn) -> Option<String> {
    let sign = match insn.code & 0xe0 {
        0x60 => 'u',
        0x80 => 's',
        _ => return None,
    };
    Some(format!("r{} = {}", insn.dst, memory(insn, insn.src, sign)))
}

fn store(insn: Insn) -> Option<String> {
    let to = memory(insn, insn.dst, 'u');
    match (insn.code & 7, insn.code & 0xe0) {
        (2, 0x60) => Some(format!("{to} = {}", insn.imm)),
        (3, 0x60) => Some(format!("{to} = r{}", insn.src)),
        (3, 0xc0) => {
            let operation = match insn.imm {
                0x00 | 0x01 => "add",
                0x40 | 0x41 => "or",
                0x50 | 0x51 => "and",
                0xa0 | 0xa1 => "xor",
                0xe1 => "xchg",
                0xf1 => "cmpxchg",
                _ => return None,
            };
            let fetch = if insn.imm & 1 != 0 { format!("r{} = ", insn.src) } else { String::new() };
            Some(format!("{fetch}atomic {operation} {to}, r{}", insn.src))
        }
        _ => None,
    }
}

fn arithmetic(insn: Insn) -> Option<String> {
    let register = if insn.code & 7 == 4 { "w" } else { "r" };
    let (dst, right) = (insn.dst, operand(insn, register));
    let operator = match (insn.code >> 4, insn.off) {
        (0x0, 0) => "+=",
        (0x1, 0) => "-=",
        (0x2, 0) => "*=",
        (0x3, 0) => "/=",
        (0x3, 1) => "s/=",
        (0x4, 0) => "|=",
        (0x5, 0) => "&=",
        (0x6, 0) => "<<=",
        (0x7, 0) => ">>=",
        (0x9, 0) => "%=",
        (0x9, 1) => "s%=",
        (0xa, 0) => "^=",
        (0xb, 0) => "=",
        (0xc, 0) => "s>>=",
        (0xb, 8 | 16 | 32) => {
            return Some(format!("{register}{dst} = (s{}){register}{}", insn.off, insn.src));
        }
        (0x8, 0) => return Some(format!("{register}{dst} = -{register}{dst}")),
        (0xd, 0) => {
            let order = match (insn.code & 7, insn.code & 8) {
                (7, _) => "bswap",
                (_, 0) => "le",
                _ => "be",
            };
            return Some(format!("r{dst} = {order}{} r{dst}", insn.imm));
        }
        _ => return None,
    };
    Some(format!("{register}{dst} {operator} {right}"))
}

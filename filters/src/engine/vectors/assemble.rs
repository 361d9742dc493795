//! The assembler of bpf_conformance.

use std::collections::BTreeMap;

use thiserror::Error;

use super::operand::{Operand, parse_all};
use crate::program::{Insn, PSEUDO_CALL, PSEUDO_FUNC, PSEUDO_KFUNC, PSEUDO_MAP, PSEUDO_MAP_VALUE};

/// Most lines that are assembled.
const LINES_MAX: usize = 100_000;

/// Text that cannot be assembled.
///
/// ```
/// use fuserig_filters::engine::vectors::assemble;
/// let error = assemble("mov %r11, 1").unwrap_err();
/// assert_eq!(error.to_string(), "line 1: %r11 is no register; there are %r0 to %r10");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {problem}")]
pub struct AssembleError {
    /// Line of the text, from 1.
    pub line: usize,
    /// What is wrong.
    pub problem: String,
}

/// An instruction whose target is not known yet.
struct Pending {
    line: usize,
    insn: usize,
    label: String,
    /// Whether the distance goes into imm (gotol, local call) instead of offset.
    is_wide: bool,
    /// Whether the position itself goes into imm (the address of a function).
    is_absolute: bool,
}

#[derive(Default)]
struct Assembler {
    insns: Vec<Insn>,
    labels: BTreeMap<String, usize>,
    pending: Vec<Pending>,
    line: usize,
}

/// The instructions of a text in the syntax of bpf_conformance, and in four forms of our own for
/// what its programs never need: `ldmap %r1, MAP`, `ldvalue %r1, MAP, OFFSET`, `ldfunc %r1, LABEL`
/// and `call kfunc N`, where maps and kernel functions go by their index in the object.
///
/// # Errors
/// The first line that is none, with the reason.
///
/// ```
/// use fuserig_filters::engine::vectors::assemble;
/// let insns = assemble("mov %r0, 7 # seven\nexit").expect("two instructions");
/// assert_eq!(insns.len(), 2);
/// ```
pub fn assemble(text: &str) -> Result<Vec<Insn>, AssembleError> {
    let mut assembler = Assembler::default();
    for (number, line) in (1..).zip(text.lines()) {
        assembler.line = number;
        let parsed = if number > LINES_MAX {
            Err(format!("more than {LINES_MAX} lines"))
        } else {
            assembler.line(line)
        };
        parsed.map_err(|problem| AssembleError { line: number, problem })?;
    }
    assembler.finish()
}

impl Assembler {
    fn line(&mut self, line: &str) -> Result<(), String> {
        let code = line.split(['#', ';']).next().unwrap_or("").trim();
        let code = match code.split_once(':') {
            Some((label, rest)) => {
                let known = self.labels.insert(label.trim().to_owned(), self.insns.len());
                if known.is_some() {
                    return Err(format!("label {label} stands twice"));
                }
                rest.trim()
            }
            None => code,
        };
        if code.is_empty() {
            return Ok(());
        }
        let (mnemonic, rest) = code.split_once(char::is_whitespace).unwrap_or((code, ""));
        self.instruction(mnemonic, rest.trim())
    }

    fn instruction(&mut self, mnemonic: &str, rest: &str) -> Result<(), String> {
        match mnemonic {
            "exit" => {
                // Vectors jump to `exit` without a label of that name.
                self.labels.entry("exit".to_owned()).or_insert(self.insns.len());
                self.none(rest)?;
                self.push(0x95, 0, 0, 0, 0);
                Ok(())
            }
            "call" => self.call(rest),
            "ja" | "ja32" => {
                let operands = parse_all(rest)?;
                let [target] = count(mnemonic, operands)?;
                let is_wide = mnemonic == "ja32";
                self.jump(if is_wide { 0x06 } else { 0x05 }, (0, 0, 0), target, is_wide)
            }
            "lddw" => self.wide(rest),
            "ldmap" | "ldvalue" | "ldfunc" => self.pseudo(mnemonic, rest),
            "lock" => self.atomic(rest),
            _ if mnemonic.starts_with('j') => self.conditional(mnemonic, rest),
            _ if mnemonic.starts_with("ldx") => self.load(mnemonic, rest),
            _ if mnemonic.starts_with("stx") => self.store_register(mnemonic, rest),
            _ if mnemonic.starts_with("st") => self.store_number(mnemonic, rest),
            _ => self.arithmetic(mnemonic, rest),
        }
    }

    fn push(&mut self, code: u8, dst: u8, src: u8, off: i16, imm: i32) {
        self.insns.push(Insn { code, dst, src, off, imm });
    }

    fn none(&self, rest: &str) -> Result<(), String> {
        if rest.is_empty() { Ok(()) } else { Err(format!("{rest:?} is too much")) }
    }

    fn call(&mut self, rest: &str) -> Result<(), String> {
        if let Some(label) = rest.strip_prefix("local") {
            let operands = parse_all(label.trim())?;
            let [target] = count("call local", operands)?;
            return self.jump(0x85, (0, PSEUDO_CALL, 0), target, true);
        }
        if let Some(index) = rest.strip_prefix("kfunc ") {
            let [index] = count("call kfunc", parse_all(index.trim())?)?;
            let index = imm(&index)?;
            self.push(0x85, 0, PSEUDO_KFUNC, 0, index);
            return Ok(());
        }
        match count("call", parse_all(rest)?)? {
            [Operand::Register(register)] => {
                self.push(0x8d, register, 0, 0, 0);
                Ok(())
            }
            [number] => {
                self.push(0x85, 0, 0, 0, imm(&number)?);
                Ok(())
            }
        }
    }

    fn jump(
        &mut self,
        code: u8,
        (dst, src, imm): (u8, u8, i32),
        target: Operand,
        is_wide: bool,
    ) -> Result<(), String> {
        self.push(code, dst, src, 0, imm);
        let at = self.insns.len() - 1;
        match target {
            Operand::Relative(distance) => set_distance(&mut self.insns[at], distance, is_wide),
            Operand::Number(distance) => {
                let distance = i32::try_from(distance)
                    .map_err(|error| format!("distance {distance}: {error}"))?;
                set_distance(&mut self.insns[at], distance, is_wide)
            }
            Operand::Word(label) => {
                let line = self.line;
                self.pending.push(Pending { line, insn: at, label, is_wide, is_absolute: false });
                Ok(())
            }
            Operand::Register(_) | Operand::Memory(..) | Operand::Bits(_) => {
                Err("a jump goes to a label or a distance".to_owned())
            }
        }
    }

    fn conditional(&mut self, mnemonic: &str, rest: &str) -> Result<(), String> {
        let (name, class) = split_32(mnemonic, 0x05, 0x06);
        const NAMES: [(&str, u8); 11] = [
            ("jeq", 0x10),
            ("jgt", 0x20),
            ("jge", 0x30),
            ("jset", 0x40),
            ("jne", 0x50),
            ("jsgt", 0x60),
            ("jsge", 0x70),
            ("jlt", 0xa0),
            ("jle", 0xb0),
            ("jslt", 0xc0),
            ("jsle", 0xd0),
        ];
        let high = find(&NAMES, name, mnemonic)?;
        match count(mnemonic, parse_all(rest)?)? {
            [Operand::Register(dst), Operand::Register(src), target] => {
                self.jump(high | class | 0x08, (dst, src, 0), target, false)
            }
            [Operand::Register(dst), value, target] => {
                self.jump(high | class, (dst, 0, imm(&value)?), target, false)
            }
            _ => Err(format!("{mnemonic} takes a register, an operand and a target")),
        }
    }

    fn wide(&mut self, rest: &str) -> Result<(), String> {
        let [dst, value] = count("lddw", parse_all(rest)?)?;
        let (dst, value) = match (dst, value) {
            (Operand::Register(dst), Operand::Number(value)) => (dst, value),
            (Operand::Register(dst), Operand::Bits(bits)) => (dst, bits.into()),
            _ => return Err("lddw takes a register and a number".to_owned()),
        };
        let bits = match value {
            0.. => u64::try_from(value).map_err(|error| error.to_string())?,
            _ => i64::try_from(value).map_err(|error| error.to_string())? as u64,
        };
        self.push(0x18, dst, 0, 0, bits as u32 as i32);
        self.push(0, 0, 0, 0, (bits >> 32) as u32 as i32);
        Ok(())
    }

    fn pseudo(&mut self, mnemonic: &str, rest: &str) -> Result<(), String> {
        let operands = parse_all(rest)?;
        let [Operand::Register(dst), rest @ ..] = operands.as_slice() else {
            return Err(format!("{mnemonic} takes a register first"));
        };
        let (src, low, high) = match (mnemonic, rest) {
            ("ldmap", [map]) => (PSEUDO_MAP, imm(map)?, 0),
            ("ldvalue", [map, offset]) => (PSEUDO_MAP_VALUE, imm(map)?, imm(offset)?),
            ("ldfunc", [Operand::Word(label)]) => {
                let (line, insn) = (self.line, self.insns.len());
                let label = label.clone();
                let pending = Pending { line, insn, label, is_wide: true, is_absolute: true };
                self.pending.push(pending);
                (PSEUDO_FUNC, 0, 0)
            }
            _ => return Err(format!("{mnemonic} takes other operands")),
        };
        self.push(0x18, *dst, src, 0, low);
        self.push(0, 0, 0, 0, high);
        Ok(())
    }

    fn load(&mut self, mnemonic: &str, rest: &str) -> Result<(), String> {
        const NAMES: [(&str, u8); 7] = [
            ("ldxb", 0x71),
            ("ldxh", 0x69),
            ("ldxw", 0x61),
            ("ldxdw", 0x79),
            ("ldxsb", 0x91),
            ("ldxsh", 0x89),
            ("ldxsw", 0x81),
        ];
        let code = find(&NAMES, mnemonic, mnemonic)?;
        match count(mnemonic, parse_all(rest)?)? {
            [Operand::Register(dst), Operand::Memory(src, off)] => {
                self.push(code, dst, src, off, 0);
                Ok(())
            }
            _ => Err(format!("{mnemonic} takes a register and [register+offset]")),
        }
    }

    fn store_register(&mut self, mnemonic: &str, rest: &str) -> Result<(), String> {
        const NAMES: [(&str, u8); 4] =
            [("stxb", 0x73), ("stxh", 0x6b), ("stxw", 0x63), ("stxdw", 0x7b)];
        let code = find(&NAMES, mnemonic, mnemonic)?;
        match count(mnemonic, parse_all(rest)?)? {
            [Operand::Memory(dst, off), Operand::Register(src)] => {
                self.push(code, dst, src, off, 0);
                Ok(())
            }
            _ => Err(format!("{mnemonic} takes [register+offset] and a register")),
        }
    }

    fn store_number(&mut self, mnemonic: &str, rest: &str) -> Result<(), String> {
        const NAMES: [(&str, u8); 4] =
            [("stb", 0x72), ("sth", 0x6a), ("stw", 0x62), ("stdw", 0x7a)];
        let code = find(&NAMES, mnemonic, mnemonic)?;
        match count(mnemonic, parse_all(rest)?)? {
            [Operand::Memory(dst, off), value] => {
                let value = imm(&value)?;
                self.push(code, dst, 0, off, value);
                Ok(())
            }
            _ => Err(format!("{mnemonic} takes [register+offset] and a number")),
        }
    }

    fn atomic(&mut self, rest: &str) -> Result<(), String> {
        let (rest, fetch) = match rest.strip_prefix("fetch ") {
            Some(rest) => (rest.trim_start(), 1),
            None => (rest, 0),
        };
        let (mnemonic, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let (name, code) = split_32(mnemonic, 0xdb, 0xc3);
        let operation = match name {
            "add" => fetch,
            "or" => 0x40 | fetch,
            "and" => 0x50 | fetch,
            "xor" => 0xa0 | fetch,
            "xchg" if fetch == 0 => 0xe1,
            "cmpxchg" if fetch == 0 => 0xf1,
            _ => return Err(format!("lock {mnemonic:?} is no atomic operation")),
        };
        match count("lock", parse_all(rest)?)? {
            [Operand::Memory(dst, off), Operand::Register(src)] => {
                self.push(code, dst, src, off, operation);
                Ok(())
            }
            _ => Err("lock takes an operation, [register+offset] and a register".to_owned()),
        }
    }

    fn arithmetic(&mut self, mnemonic: &str, rest: &str) -> Result<(), String> {
        let operands = parse_all(rest)?;
        if let Some((code, off)) = sign_extension(mnemonic) {
            return match count(mnemonic, operands)? {
                [Operand::Register(dst), Operand::Register(src)] => {
                    self.push(code, dst, src, off, 0);
                    Ok(())
                }
                _ => Err(format!("{mnemonic} takes two registers")),
            };
        }
        if let Some((code, width)) = byte_order(mnemonic) {
            return self.unary(mnemonic, operands, code, width);
        }
        let (name, class) = split_32(mnemonic, 0x07, 0x04);
        if name == "neg" {
            return self.unary(mnemonic, operands, 0x80 | class, 0);
        }
        const NAMES: [(&str, u8); 14] = [
            ("add", 0x00),
            ("sub", 0x10),
            ("mul", 0x20),
            ("div", 0x30),
            ("sdiv", 0x30),
            ("or", 0x40),
            ("and", 0x50),
            ("lsh", 0x60),
            ("rsh", 0x70),
            ("mod", 0x90),
            ("smod", 0x90),
            ("xor", 0xa0),
            ("mov", 0xb0),
            ("arsh", 0xc0),
        ];
        let high = find(&NAMES, name, mnemonic)?;
        let off = i16::from(matches!(name, "sdiv" | "smod"));
        match count(mnemonic, operands)? {
            [Operand::Register(dst), Operand::Register(src)] => {
                self.push(high | class | 0x08, dst, src, off, 0);
            }
            [Operand::Register(dst), value] => {
                let value = imm(&value)?;
                self.push(high | class, dst, 0, off, value);
            }
            _ => return Err(format!("{mnemonic} takes a register and an operand")),
        }
        Ok(())
    }

    fn unary(
        &mut self,
        mnemonic: &str,
        operands: Vec<Operand>,
        code: u8,
        width: i32,
    ) -> Result<(), String> {
        let [Operand::Register(dst)] = count(mnemonic, operands)? else {
            return Err(format!("{mnemonic} takes a register"));
        };
        self.push(code, dst, 0, 0, width);
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<Insn>, AssembleError> {
        for pending in &self.pending {
            let distance = match self.labels.get(&pending.label) {
                Some(target) if pending.is_absolute => *target as i64,
                Some(target) => *target as i64 - pending.insn as i64 - 1,
                None => {
                    let problem = format!("there is no label {}", pending.label);
                    return Err(AssembleError { line: pending.line, problem });
                }
            };
            let distance = i32::try_from(distance).expect("the number of lines is limited");
            set_distance(&mut self.insns[pending.insn], distance, pending.is_wide)
                .map_err(|problem| AssembleError { line: pending.line, problem })?;
        }
        Ok(self.insns)
    }
}

fn set_distance(insn: &mut Insn, distance: i32, is_wide: bool) -> Result<(), String> {
    if is_wide {
        insn.imm = distance;
        return Ok(());
    }
    insn.off = i16::try_from(distance).map_err(|error| format!("distance {distance}: {error}"))?;
    Ok(())
}

/// The name without `32`, and one of two opcodes.
fn split_32(mnemonic: &str, wide: u8, narrow: u8) -> (&str, u8) {
    match mnemonic.strip_suffix("32") {
        Some(name) => (name, narrow),
        None => (mnemonic, wide),
    }
}

fn find(names: &[(&str, u8)], name: &str, mnemonic: &str) -> Result<u8, String> {
    let known = names.iter().find(|(known, _)| *known == name);
    known.map(|(_, code)| *code).ok_or_else(|| format!("{mnemonic} is no instruction"))
}

fn sign_extension(mnemonic: &str) -> Option<(u8, i16)> {
    Some(match mnemonic {
        "movsx832" => (0xbc, 8),
        "movsx1632" => (0xbc, 16),
        "movsx864" => (0xbf, 8),
        "movsx1664" => (0xbf, 16),
        "movsx3264" => (0xbf, 32),
        _ => return None,
    })
}

fn byte_order(mnemonic: &str) -> Option<(u8, i32)> {
    let digits = mnemonic.find(|c: char| c.is_ascii_digit())?;
    let (name, width) = mnemonic.split_at(digits);
    let code = match name {
        "le" => 0xd4,
        "be" => 0xdc,
        "bswap" | "swap" => 0xd7,
        _ => return None,
    };
    match width {
        "16" => Some((code, 16)),
        "32" => Some((code, 32)),
        "64" => Some((code, 64)),
        _ => None,
    }
}

/// A 32-bit immediate; a hexadecimal one stands for its bits.
fn imm(operand: &Operand) -> Result<i32, String> {
    match operand {
        Operand::Bits(bits) => Ok(*bits as i32),
        Operand::Number(value) => {
            let fits = i32::try_from(*value).ok();
            fits.ok_or_else(|| format!("{value} does not fit into 32 bits"))
        }
        Operand::Register(_) | Operand::Memory(..) | Operand::Relative(_) | Operand::Word(_) => {
            Err(format!("{operand:?} is no number"))
        }
    }
}

fn count<const N: usize>(what: &str, operands: Vec<Operand>) -> Result<[Operand; N], String> {
    let found = operands.len();
    operands
        .try_into()
        .map_err(|_operands: Vec<Operand>| format!("{what} takes {N} operands, not {found}"))
}

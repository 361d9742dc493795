//! One file of conformance vectors.

use thiserror::Error;

use super::assemble::{AssembleError, assemble};
use crate::program::Insn;

/// A file that is no vector.
///
/// ```
/// use fuserig_filters::engine::vectors::Vector;
/// let error = Vector::parse("-- asm\nmov %r0\n-- result\n0x0").unwrap_err();
/// assert!(error.to_string().contains("mov takes"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum VectorError {
    /// A section that does not exist.
    #[error("line {line}: unknown section {name:?}")]
    Section {
        /// Line, from 1.
        line: usize,
        /// The name.
        name: String,
    },
    /// The assembler text is wrong; its lines count from the start of the section.
    #[error("asm: {0}")]
    Assemble(#[from] AssembleError),
    /// A number or byte that is none.
    #[error("{section}: {text:?} is no number")]
    Number {
        /// The section.
        section: &'static str,
        /// The text.
        text: String,
    },
    /// No instructions, or neither a result nor an error to expect.
    #[error("there is no {0}")]
    Missing(&'static str),
}

/// A program, its memory, and what it is expected to do.
///
/// ```
/// use fuserig_filters::engine::vectors::Vector;
/// let vector = Vector::parse("-- asm\nmov %r0, 3\nexit\n-- result\n0x3").expect("a vector");
/// assert_eq!(vector.result, Some(3));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vector {
    /// The program.
    pub insns: Vec<Insn>,
    /// Bytes that r1 points to, r2 being their number; empty without a `mem` section.
    pub memory: Vec<u8>,
    /// The value of r0 at the exit.
    pub result: Option<u64>,
    /// Text of the `error` section: the program is expected not to run.
    pub error: Option<String>,
}

impl Vector {
    /// Reads the text of a `.data` file.
    ///
    /// # Errors
    /// Text that is not of that form, and assembler that is wrong.
    pub fn parse(text: &str) -> Result<Vector, VectorError> {
        let sections = Sections::of(text)?;
        let insns = match (&sections.asm, &sections.raw) {
            (Some(asm), raw) => {
                let insns = assemble(asm)?;
                if let Some(raw) = raw {
                    let expected = instructions(raw)?;
                    if expected != insns {
                        return Err(VectorError::Missing("agreement between asm and raw"));
                    }
                }
                insns
            }
            (None, Some(raw)) => instructions(raw)?,
            (None, None) => Vec::new(),
        };
        if insns.is_empty() {
            return Err(VectorError::Missing("instruction"));
        }
        if sections.result.is_none() && sections.error.is_none() {
            return Err(VectorError::Missing("result to expect"));
        }
        let result = sections.result.map(|text| number(&text)).transpose()?;
        let memory = bytes("mem", &sections.memory.unwrap_or_default())?;
        Ok(Vector { insns, memory, result, error: sections.error })
    }
}

#[derive(Default)]
struct Sections {
    asm: Option<String>,
    raw: Option<String>,
    memory: Option<String>,
    result: Option<String>,
    error: Option<String>,
    /// Sections that say nothing to an engine.
    other: Option<String>,
}

impl Sections {
    fn of(text: &str) -> Result<Sections, VectorError> {
        let mut sections = Sections::default();
        let mut current = None;
        for (number, line) in (1..).zip(text.lines()) {
            if let Some(name) = line.strip_prefix("-- ") {
                current = Some(name.trim());
                if sections.named(name.trim()).is_none() {
                    let name = name.trim().to_owned();
                    return Err(VectorError::Section { line: number, name });
                }
                sections.named(name.trim()).map(|text| text.get_or_insert_with(String::new));
                continue;
            }
            let Some(text) = current.and_then(|name| sections.named(name)) else { continue };
            let text = text.get_or_insert_with(String::new);
            text.push_str(line);
            text.push('\n');
        }
        Ok(sections)
    }

    fn named(&mut self, name: &str) -> Option<&mut Option<String>> {
        Some(match name {
            "asm" => &mut self.asm,
            "raw" => &mut self.raw,
            "mem" => &mut self.memory,
            "result" => &mut self.result,
            "error" => &mut self.error,
            "c" | "no register offset" => &mut self.other,
            _ => return None,
        })
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('#').next().unwrap_or("").split_whitespace())
}

fn bytes(section: &'static str, text: &str) -> Result<Vec<u8>, VectorError> {
    let byte = |word: &str| {
        let parsed = u8::from_str_radix(word, 16);
        parsed.map_err(|_error: core::num::ParseIntError| not_a_number(section, word))
    };
    words(text).map(byte).collect()
}

/// Raw instructions: bytes, or 64-bit words.
fn instructions(text: &str) -> Result<Vec<Insn>, VectorError> {
    let flat = if words(text).any(|word| word.starts_with("0x")) {
        let mut flat = Vec::new();
        for word in words(text) {
            flat.extend_from_slice(&number(word)?.to_le_bytes());
        }
        flat
    } else {
        bytes("raw", text)?
    };
    let rows = flat.chunks_exact(8);
    if !rows.remainder().is_empty() {
        return Err(VectorError::Missing("whole instruction at the end of raw"));
    }
    Ok(rows.map(|row| Insn::from_bytes(row.try_into().expect("eight bytes a row"))).collect())
}

fn number(text: &str) -> Result<u64, VectorError> {
    let word = words(text).next().unwrap_or("");
    let parsed = match word.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => word.parse(),
    };
    parsed.map_err(|_error: core::num::ParseIntError| not_a_number("result", word))
}

fn not_a_number(section: &'static str, text: &str) -> VectorError {
    VectorError::Number { section, text: text.to_owned() }
}

//! Operands of the assembler: registers, numbers, memory, labels.

/// An operand of an instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    /// `%r0` to `%r10`.
    Register(u8),
    /// A number, decimal or hexadecimal, with or without a sign. A hexadecimal one stands for its
    /// bits.
    Number(i128),
    /// A hexadecimal number from 0x80000000 to 0xffffffff.
    Bits(u32),
    /// `[%r1+8]`.
    Memory(u8, i16),
    /// A jump target `+3`.
    Relative(i32),
    /// A label or another word.
    Word(String),
}

/// The operands after a mnemonic, separated by commas.
pub(super) fn parse_all(text: &str) -> Result<Vec<Operand>, String> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    text.split(',').map(|operand| parse(operand.trim())).collect()
}

fn parse(text: &str) -> Result<Operand, String> {
    if let Some(inside) = text.strip_prefix('[') {
        let inside = inside.strip_suffix(']').ok_or_else(|| format!("{text} lacks its ]"))?;
        return memory(inside);
    }
    if text.starts_with('%') {
        return Ok(Operand::Register(register(text)?));
    }
    if let Some(distance) = text.strip_prefix('+') {
        let distance = distance.parse().map_err(|error| format!("distance {text}: {error}"));
        return distance.map(Operand::Relative);
    }
    if text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        let value = number(text)?;
        let bits = u32::try_from(value).ok().filter(|bits| *bits > i32::MAX as u32);
        return Ok(match bits.filter(|_| text.starts_with("0x")) {
            Some(bits) => Operand::Bits(bits),
            None => Operand::Number(value),
        });
    }
    let is_word = |c: char| c == '_' || c.is_ascii_alphanumeric();
    if text.is_empty() || !text.chars().all(is_word) {
        return Err(format!("{text:?} is no operand"));
    }
    Ok(Operand::Word(text.to_owned()))
}

fn register(text: &str) -> Result<u8, String> {
    let digits = text.strip_prefix("%r").unwrap_or("");
    match digits.parse() {
        Ok(number @ 0..=10) if !digits.starts_with('+') => Ok(number),
        _ => Err(format!("{text} is no register; there are %r0 to %r10")),
    }
}

fn number(text: &str) -> Result<i128, String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let parsed = match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    match parsed {
        Ok(magnitude) => Ok(sign * i128::from(magnitude)),
        Err(error) => Err(format!("number {text}: {error}")),
    }
}

fn memory(inside: &str) -> Result<Operand, String> {
    let at = inside.find(['+', '-']).unwrap_or(inside.len());
    let (base, offset) = inside.split_at(at);
    let base = register(base.trim())?;
    if offset.is_empty() {
        return Ok(Operand::Memory(base, 0));
    }
    let value = number(offset.trim_start_matches('+').trim())?;
    match i16::try_from(value) {
        Ok(offset) => Ok(Operand::Memory(base, offset)),
        Err(_) => Err(format!("offset {offset} does not fit into 16 bits")),
    }
}

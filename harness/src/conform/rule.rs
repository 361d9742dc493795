//! Rules: what the recorded filter does when a call matches.

use fuserig_abi::{Op, Phase, Slot};

/// What a rule does to one buffer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct BufferAction {
    pub(super) op: u32,
    pub(super) size: u32,
    pub(super) copy: bool,
    pub(super) offset: u32,
    pub(super) size2: u32,
    pub(super) copy2: bool,
    pub(super) data: Vec<u8>,
}

/// One rule of one member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) slot: Slot,
    /// The value to return; without it the default of the phase.
    pub(super) ret: Option<i32>,
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) name: Option<Vec<u8>>,
    pub(super) node: u64,
    /// Argument fields to store, `in.` and `out.` with the record's field names.
    pub(super) fields: Vec<(String, u64)>,
    /// Meta fields to store.
    pub(super) meta: Vec<(String, u64)>,
    pub(super) buffers: Vec<(String, BufferAction)>,
    pub(super) hits: u32,
}

impl Rule {
    /// Reads `rule MEMBER key=value ...`.
    pub(super) fn parse(text: &str) -> Result<Rule, String> {
        let mut words = text.split_whitespace();
        let Some("rule") = words.next() else { return Err(format!("not a rule: {text}")) };
        let member = words.next().ok_or_else(|| format!("a rule without member: {text}"))?;
        let slot = slot_named(member).ok_or_else(|| format!("unknown member {member}"))?;
        let mut rule = Rule {
            slot,
            ret: None,
            from: 0,
            to: 0,
            name: None,
            node: 0,
            fields: Vec::new(),
            meta: Vec::new(),
            buffers: Vec::new(),
            hits: 0,
        };
        for word in words {
            let Some((key, value)) = word.split_once('=') else { continue };
            rule.set(key, value)?;
        }
        Ok(rule)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "ret" => self.ret = Some(number(value)? as i32),
            "from" => self.from = number(value)? as u32,
            "to" => self.to = number(value)? as u32,
            "node" => self.node = number(value)?,
            "name" => self.name = Some(unescape(value)),
            _ => match key.split_once('.') {
                Some(("m", field)) => self.meta.push((field.to_owned(), number(value)?)),
                Some(("in" | "out", _)) => {
                    self.fields.push((key.to_owned(), number(value)?));
                }
                Some(("buf", rest)) => self.set_buffer(rest, value)?,
                _ => return Err(format!("unknown key {key}")),
            },
        }
        Ok(())
    }

    fn set_buffer(&mut self, rest: &str, value: &str) -> Result<(), String> {
        let (name, what) =
            rest.rsplit_once('.').ok_or_else(|| format!("buf.{rest} names no action"))?;
        let position = match self.buffers.iter().position(|(known, _)| known == name) {
            Some(position) => position,
            None => {
                self.buffers.push((name.to_owned(), BufferAction::default()));
                self.buffers.len() - 1
            }
        };
        let action = &mut self.buffers[position].1;
        match what {
            "op" => action.op = number(value)? as u32,
            "size" => action.size = number(value)? as u32,
            "copy" => action.copy = number(value)? != 0,
            "off" => action.offset = number(value)? as u32,
            "size2" => action.size2 = number(value)? as u32,
            "copy2" => action.copy2 = number(value)? != 0,
            "data" => action.data = unescape(value),
            _ => return Err(format!("unknown buffer action {what}")),
        }
        Ok(())
    }
}

/// `open_pre`, `open_post`, `default`.
pub(super) fn slot_named(member: &str) -> Option<Slot> {
    if member == "default" {
        return Some(Slot::Default);
    }
    let (op, phase) = member.rsplit_once('_')?;
    let phase = match phase {
        "pre" => Phase::Pre,
        "post" => Phase::Post,
        _ => return None,
    };
    Some(Slot::Member(Op::from_name(op)?, phase))
}

/// The record's name of a member.
pub(super) fn member_name(slot: Slot) -> String {
    match slot {
        Slot::Default => "default".to_owned(),
        Slot::Member(op, Phase::Pre) => format!("{}_pre", op.name()),
        Slot::Member(op, Phase::Post) => format!("{}_post", op.name()),
    }
}

/// Numbers as `strtoull` with base 0 reads them: decimal, 0x, leading 0 octal, a sign wraps.
pub(super) fn number(text: &str) -> Result<u64, String> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let parsed = if let Some(hex) = digits.strip_prefix("0x") {
        u64::from_str_radix(hex, 16)
    } else if digits.len() > 1 && digits.starts_with('0') {
        u64::from_str_radix(&digits[1..], 8)
    } else {
        digits.parse()
    };
    let value = parsed.map_err(|error| format!("not a number: {text} ({error})"))?;
    Ok(if negative { value.wrapping_neg() } else { value })
}

/// `\xNN` is a byte, `\s` a space, `\e` nothing.
pub(super) fn unescape(text: &str) -> Vec<u8> {
    let bytes = super::record::bytes_of(text);
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], bytes.get(at + 1)) {
            (b'\\', Some(b'x')) => {
                let digits = bytes.get(at + 2..(at + 4).min(bytes.len())).unwrap_or(&[]);
                let hex = core::str::from_utf8(digits).unwrap_or("");
                out.push(u8::from_str_radix(hex, 16).unwrap_or(0));
                at += 4;
            }
            (b'\\', Some(b's')) => {
                out.push(b' ');
                at += 2;
            }
            (b'\\', Some(b'e')) => at += 2,
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Rule, number, unescape};

    #[test]
    fn numbers_are_read_as_strtoull_reads_them() {
        let table = [("12", 12), ("0x1f", 31), ("0755", 0o755), ("-1", u64::MAX), ("0", 0)];
        for (text, expected) in table {
            assert_eq!(number(text), Ok(expected), "{text}");
        }
        assert!(number("nine").is_err());
    }

    #[test]
    fn escapes_become_bytes() {
        assert_eq!(unescape(r"a\x00b\s\ec"), b"a\0b c");
    }

    #[test]
    fn a_rule_is_read_key_by_key() {
        let rule = Rule::parse("rule lookup_post name=f1 ret=-5 buf.entries.op=1 m.nodeid=7")
            .expect("a good rule");
        assert_eq!(rule.ret, Some(-5));
        assert_eq!(rule.name.as_deref(), Some(&b"f1"[..]));
        assert_eq!(rule.meta, [("nodeid".to_owned(), 7)]);
        assert_eq!(rule.buffers[0].1.op, 1);
        assert!(Rule::parse("rule nosuch_pre ret=1").is_err());
    }
}

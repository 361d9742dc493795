//! Reading arguments by kind: numbers, flags, modes, strings, data, times.
//!
//! A name that the table of calls does not have is an error with its column, never a zero: a flag
//! that is dropped silently would replay as another call.

use super::error::Trouble;
use super::syntax::{Arg, Call, integer};
use super::term::Term;
use crate::calls::ArgKind;

/// Bytes of an argument, and whether the log cut them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Data {
    pub(super) bytes: Vec<u8>,
    pub(super) cut: bool,
}

impl<'a> Call<'a> {
    /// A number in any base, or `NULL`.
    pub(super) fn number(&self, index: usize) -> Result<i128, Trouble> {
        let arg = self.arg(index)?;
        let text = without_comment(arg.text);
        match integer(text) {
            Some(number) => Ok(number),
            None if text == b"NULL" => Ok(0),
            None => match Term::parse(arg)? {
                Term::Fd(number, _) => Ok(number),
                _ => Err(Trouble::new(arg.at, "expected a number")),
            },
        }
    }

    /// A number that fits an `i64`; larger unsigned ones are taken as the kernel takes them.
    pub(super) fn int(&self, index: usize) -> Result<i64, Trouble> {
        signed(self.number(index)?).ok_or_else(|| self.too_large(index))
    }

    /// A number that fits a `u64`.
    pub(super) fn uint(&self, index: usize) -> Result<u64, Trouble> {
        let number = self.number(index)?;
        let unsigned = u64::try_from(number).ok();
        unsigned
            .or_else(|| i64::try_from(number).ok().map(i64::cast_unsigned))
            .ok_or_else(|| self.too_large(index))
    }

    fn too_large(&self, index: usize) -> Trouble {
        let at = self.args.get(index).map_or(0, |arg| arg.at);
        Trouble::new(at, "the number has more than 64 bits")
    }

    /// A user or group; -1 leaves it alone.
    pub(super) fn id(&self, index: usize) -> Result<i64, Trouble> {
        let id = self.int(index)?;
        // strace shows -1 as itself, but older versions show it unsigned.
        Ok(if id == i64::from(u32::MAX) { -1 } else { id })
    }

    /// Flags by the names of their kind.
    pub(super) fn flags(&self, index: usize, kind: ArgKind) -> Result<u64, Trouble> {
        let arg = self.arg(index)?;
        flag_bits(arg, kind)
    }

    /// Flags that older calls lack: 0 when the argument is not there.
    pub(super) fn flags_or_none(&self, index: usize, kind: ArgKind) -> Result<u64, Trouble> {
        if self.args.len() > index { self.flags(index, kind) } else { Ok(0) }
    }

    /// Permission bits with or without a file type: `0644`, `S_IFIFO|0666`, `0100644`.
    pub(super) fn mode(&self, index: usize) -> Result<u64, Trouble> {
        let arg = self.arg(index)?;
        mode_bits(&Term::parse(arg)?).ok_or_else(|| Trouble::new(arg.at, "expected a file mode"))
    }

    /// A string; `None` for `NULL` and for an address (the call failed before it was read, or the
    /// kernel never wrote it).
    pub(super) fn data(&self, index: usize) -> Result<Option<Data>, Trouble> {
        let arg = self.arg(index)?;
        match Term::parse(arg)? {
            Term::Str { bytes, cut } => Ok(Some(Data { bytes, cut })),
            Term::Int(_) | Term::Name(b"NULL", _) => Ok(None),
            _ => Err(Trouble::new(arg.at, "expected a string")),
        }
    }

    /// A string that must be whole: a name or a path.
    pub(super) fn whole(&self, index: usize) -> Result<Option<Vec<u8>>, Trouble> {
        match self.data(index)? {
            Some(Data { cut: true, .. }) => {
                let at = self.args.get(index).map_or(0, |arg| arg.at);
                Err(Trouble::new(at, "the string is cut; record with `-s 1048576`"))
            }
            other => Ok(other.map(|data| data.bytes)),
        }
    }

    /// The strings of an `iovec` array as one, and the sum of its lengths. On the way out of a
    /// read strace shows only the bytes that were read, in buffers of the full length.
    pub(super) fn vector(&self, index: usize) -> Result<(Option<Data>, u64), Trouble> {
        let arg = self.arg(index)?;
        let Term::Array { items, cut } = Term::parse(arg)? else {
            return Ok((None, 0));
        };
        let mut data = Data { bytes: Vec::new(), cut };
        let mut total = 0_u64;
        let mut addresses = false;
        for item in &items {
            let length = item.field("iov_len").and_then(Term::int);
            let length = length.and_then(|length| u64::try_from(length).ok());
            let Some(length) = length else {
                return Err(Trouble::new(arg.at, "expected `iov_len` in every buffer"));
            };
            total = total
                .checked_add(length)
                .ok_or_else(|| Trouble::new(arg.at, "the lengths have more than 64 bits"))?;
            match item.field("iov_base") {
                Some(Term::Str { bytes, cut }) => {
                    data.bytes.extend_from_slice(bytes);
                    data.cut |= cut;
                }
                _ => addresses |= length > 0,
            }
        }
        Ok(((!addresses).then_some(data), total))
    }
}

/// A number as the kernel takes it into a signed 64-bit argument.
pub(super) fn signed(number: i128) -> Option<i64> {
    let unsigned = || u64::try_from(number).ok().map(u64::cast_signed);
    i64::try_from(number).ok().or_else(unsigned)
}

/// Flags by the names of their kind; comments are left out.
pub(super) fn flag_bits(arg: Arg<'_>, kind: ArgKind) -> Result<u64, Trouble> {
    let text = without_comment(arg.text);
    let known = core::str::from_utf8(text).ok().and_then(|text| kind.flags()?.parse(text));
    if let Some(bits) = known {
        return Ok(bits);
    }
    let mut at = arg.at;
    for part in text.split(|byte| *byte == b'|') {
        let known = core::str::from_utf8(part).ok().and_then(|part| kind.flags()?.parse(part));
        if known.is_none() {
            let why = format!("the flag `{}` is not known here", part.escape_ascii());
            return Err(Trouble::new(at, why));
        }
        at += part.len() + 1;
    }
    Err(Trouble::new(arg.at, "expected flags"))
}

/// What stands before `/*`.
pub(super) fn without_comment(text: &[u8]) -> &[u8] {
    let end = super::cursor::find(text, b"/*").unwrap_or(text.len());
    text[..end].trim_ascii_end()
}

const FILE_TYPES: &[(&[u8], u64)] = &[
    (b"S_IFIFO", 0o010_000),
    (b"S_IFCHR", 0o020_000),
    (b"S_IFDIR", 0o040_000),
    (b"S_IFBLK", 0o060_000),
    (b"S_IFREG", 0o100_000),
    (b"S_IFLNK", 0o120_000),
    (b"S_IFSOCK", 0o140_000),
    (b"S_ISUID", 0o4000),
    (b"S_ISGID", 0o2000),
    (b"S_ISVTX", 0o1000),
];

/// The value of `S_IFREG|S_ISUID|0644`.
pub(super) fn mode_bits(term: &Term<'_>) -> Option<u64> {
    match term {
        Term::Int(number) => u64::try_from(*number).ok(),
        Term::Name(name, None) => {
            FILE_TYPES.iter().find(|(known, _)| known == name).map(|(_, bits)| *bits)
        }
        Term::Or(parts) => parts.iter().try_fold(0, |bits, part| Some(bits | mode_bits(part)?)),
        _ => None,
    }
}

/// A device as the kernel encodes it for mknod(2): `makedev(0x1, 0x3)` or a number.
pub(super) fn device(term: &Term<'_>) -> Option<u64> {
    match term {
        Term::Int(number) => u64::try_from(*number).ok(),
        Term::Call(b"makedev", parts) => {
            let [major, minor] = &parts[..] else { return None };
            Some(encode_device(
                u32::try_from(major.int()?).ok()?,
                u32::try_from(minor.int()?).ok()?,
            ))
        }
        _ => None,
    }
}

/// The 32-bit encoding of a device number (linux/kdev_t.h): 12 bits of major, 20 of minor.
pub(super) fn encode_device(major: u32, minor: u32) -> u64 {
    let (major, minor) = (u64::from(major), u64::from(minor));
    (minor & 0xff) | (major << 8) | ((minor & !0xff) << 12)
}

#[cfg(test)]
mod tests {
    use super::{ArgKind, Call, Term, device, encode_device};
    use crate::import::strace::syntax::Arg;

    fn call(text: &str) -> Call<'_> {
        Call::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error:?}"))
    }

    #[test]
    fn flags_are_read_by_the_names_of_their_kind() {
        let open = call("f(O_RDWR|O_CREAT|0x2000000, 0x4 /* O_??? */, O_BOGUS|O_RDWR) = 0");
        assert_eq!(open.flags(0, ArgKind::OpenFlags), Ok(0o102 | 0x200_0000));
        assert_eq!(open.flags(1, ArgKind::OpenFlags), Ok(4));
        let error = open.flags(2, ArgKind::OpenFlags).unwrap_err();
        assert_eq!(error.why, "the flag `O_BOGUS` is not known here");
        assert_eq!(open.flags_or_none(3, ArgKind::OpenFlags), Ok(0));
    }

    #[test]
    fn modes_and_devices_are_read() {
        let call = call("f(0644, S_IFIFO|0666, 0100644, S_IFREG|S_ISUID|0711, x) = 0");
        let modes: Vec<_> = (0..4).map(|index| call.mode(index).unwrap()).collect();
        assert_eq!(modes, [0o644, 0o010_666, 0o100_644, 0o104_711]);
        assert!(call.mode(4).is_err());
        let term = Term::parse(Arg { text: b"makedev(0x1, 0x3)", at: 0 }).unwrap();
        assert_eq!(device(&term), Some(0x103));
        assert_eq!(encode_device(8, 0x123), 0x10_0823);
    }

    #[test]
    fn buffers_are_put_together() {
        let read =
            call(r#"readv(3, [{iov_base="ab", iov_len=2}, {iov_base="c", iov_len=9}], 2) = 3"#);
        let (data, total) = read.vector(1).unwrap();
        let data = data.expect("the buffers have data");
        assert_eq!((&data.bytes[..], data.cut, total), (&b"abc"[..], false, 11));
        let failed = call("readv(3, [{iov_base=0x7f, iov_len=2}], 1) = -1 EIO (x)");
        assert_eq!(failed.vector(1).unwrap(), (None, 2));
    }

    #[test]
    fn numbers_above_the_signed_range_wrap_as_in_the_kernel() {
        let call = call("f(18446744073709551615, 4294967295, -1, NULL) = 0");
        assert_eq!(call.int(0), Ok(-1));
        assert_eq!(call.id(1), Ok(-1));
        assert_eq!(call.uint(2), Ok(u64::MAX));
        assert_eq!(call.int(3), Ok(0));
    }
}

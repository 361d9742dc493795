//! A whole call, split: name, arguments as slices, result, duration.
//!
//! Splitting looks only at brackets, quotes, annotations and comments, so that calls nobody asks
//! about cost little and cannot fail on an argument. What a reader would get wrong: `<` opens an
//! annotation only behind a number or a name and not before another `<` (`1<<CAP_CHOWN`).

use super::super::words::{decimal, seconds, unescape};
use super::cursor::{Cursor, find};
use super::error::Trouble;

/// Calls have six arguments at most; strace shows some structures as two.
const ARGS_MAX: usize = 16;

/// A call as text.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) name: &'a str,
    pub(super) args: Vec<Arg<'a>>,
    pub(super) ret: Ret<'a>,
    pub(super) duration_ns: u64,
}

/// One argument as text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arg<'a> {
    pub(super) text: &'a [u8],
    /// Where it begins in the text of the call.
    pub(super) at: usize,
}

/// What a call returned.
#[derive(Debug)]
pub(super) struct Ret<'a> {
    /// `None` for `?`: the call did not return.
    pub(super) value: Option<i64>,
    /// `ENOENT` and the like, `ERRNO_524`, or digits.
    pub(super) errno: Option<&'a str>,
    /// Of a returned descriptor.
    pub(super) annotation: Option<Annotation>,
}

/// What `-y` says about a descriptor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Annotation {
    /// `/srv/work/a`, `pipe:[7]`, without ` (deleted)`.
    pub(super) text: Vec<u8>,
    /// Whether the file has lost its name.
    pub(super) deleted: bool,
}

impl Annotation {
    /// The path, when it is one.
    pub(super) fn path(&self) -> Option<&[u8]> {
        (self.text.first() == Some(&b'/')).then_some(&self.text[..])
    }
}

impl<'a> Call<'a> {
    /// Splits `name(args) = result <duration>`.
    pub(super) fn parse(text: &'a [u8]) -> Result<Call<'a>, Trouble> {
        let mut cursor = Cursor::new(text);
        let name = name(&mut cursor)?;
        let args = arguments(&mut cursor)?;
        if !cursor.eat(b")") {
            return Err(cursor.trouble("the arguments have no `)`"));
        }
        cursor.skip_spaces();
        if !cursor.eat(b"=") {
            return Err(cursor.trouble("expected `= result`"));
        }
        cursor.skip_spaces();
        let ret = result(&mut cursor)?;
        let duration_ns = duration(cursor.rest());
        Ok(Call { name, args, ret, duration_ns })
    }

    /// Splits the beginning of a call that did not return.
    pub(super) fn parse_open(text: &'a [u8]) -> Result<Call<'a>, Trouble> {
        let mut cursor = Cursor::new(text);
        let name = name(&mut cursor)?;
        let args = arguments(&mut cursor)?;
        let ret = Ret { value: None, errno: None, annotation: None };
        Ok(Call { name, args, ret, duration_ns: 0 })
    }

    /// The argument at `index`.
    pub(super) fn arg(&self, index: usize) -> Result<Arg<'a>, Trouble> {
        self.args.get(index).copied().ok_or_else(|| {
            Trouble::new(self.name.len(), format!("expected an argument number {}", index + 1))
        })
    }

    /// Whether the call returned without an error.
    pub(super) fn succeeded(&self) -> bool {
        self.ret.value.is_some() && self.ret.errno.is_none()
    }
}

fn name<'a>(cursor: &mut Cursor<'a>) -> Result<&'a str, Trouble> {
    let at = cursor.at();
    let name = cursor.take_while(|byte| byte.is_ascii_alphanumeric() || b"_?".contains(&byte));
    if name.is_empty() || !cursor.eat(b"(") {
        return Err(Trouble::new(at, "expected the name of a system call and `(`"));
    }
    core::str::from_utf8(name).map_err(|_not_ascii| Trouble::new(at, "the name is not ASCII"))
}

/// Splits at the commas of the outermost level; stands on `)` or at the end afterwards.
fn arguments<'a>(cursor: &mut Cursor<'a>) -> Result<Vec<Arg<'a>>, Trouble> {
    let mut args = Vec::new();
    let mut depth = 0_usize;
    cursor.skip_spaces();
    let mut start = cursor.clone();
    let mut previous = b'(';
    loop {
        let at = cursor.at();
        let byte = cursor.peek();
        match byte {
            Some(b'"') => cursor.skip_string()?,
            Some(b'<') if is_annotation(previous, cursor.rest()) => {
                cursor.angle()?;
            }
            Some(b'/') if cursor.rest().starts_with(b"/*") => cursor.skip_blank(),
            Some(b'(' | b'[' | b'{') => {
                depth += 1;
                cursor.bump();
            }
            Some(b')' | b',') | None if depth == 0 => {
                let length = at - start.at();
                let text = start.rest()[..length].trim_ascii_end();
                // A trailing comma is all there is of an argument that was not written yet.
                if !text.is_empty() {
                    args.push(Arg { text, at: start.at() });
                }
                if byte != Some(b',') {
                    return Ok(args);
                }
                if args.len() >= ARGS_MAX {
                    return Err(cursor.trouble("a call has too many arguments"));
                }
                cursor.bump();
                cursor.skip_spaces();
                start = cursor.clone();
            }
            Some(b')' | b']' | b'}') => {
                depth = depth.saturating_sub(1);
                cursor.bump();
            }
            Some(_) => {
                cursor.bump();
            }
            None => return Err(cursor.trouble("a bracket has no end")),
        }
        previous = byte.unwrap_or(b' ');
    }
}

fn is_annotation(previous: u8, rest: &[u8]) -> bool {
    (previous.is_ascii_alphanumeric() || previous == b'_') && rest.get(1) != Some(&b'<')
}

/// Reads an annotation and the `(deleted)` behind it; the cursor stands on `<`.
pub(super) fn annotation(cursor: &mut Cursor<'_>) -> Result<Annotation, Trouble> {
    let at = cursor.at();
    let raw = cursor.angle()?;
    // `-yy` puts the kind of a device into the brackets: `/dev/null<char 1:3>`.
    let raw = match raw.iter().position(|byte| *byte == b'<') {
        Some(device) if raw.first() == Some(&b'/') => &raw[..device],
        _ => raw,
    };
    let mut text = unescape(raw).map_err(|(inside, why)| Trouble::new(at + 1 + inside, why))?;
    let mut deleted = cursor.eat(b"(deleted)");
    if text.ends_with(b" (deleted)") {
        text.truncate(text.len() - b" (deleted)".len());
        deleted = true;
    }
    Ok(Annotation { text, deleted })
}

fn result<'a>(cursor: &mut Cursor<'a>) -> Result<Ret<'a>, Trouble> {
    let mut ret = Ret { value: None, errno: None, annotation: None };
    if !cursor.eat(b"?") {
        let at = cursor.at();
        let number = cursor.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let value = integer(number).ok_or_else(|| Trouble::new(at, "expected a number"))?;
        let value =
            i64::try_from(value).ok().or_else(|| u64::try_from(value).ok().map(u64::cast_signed));
        ret.value = Some(value.ok_or_else(|| Trouble::new(at, "the number is too large"))?);
        if cursor.peek() == Some(b'<') {
            ret.annotation = Some(annotation(cursor)?);
        }
    }
    cursor.skip_spaces();
    if cursor.peek() == Some(b'E') {
        let at = cursor.at();
        let name = cursor
            .take_while(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
        let name = core::str::from_utf8(name);
        ret.errno = Some(name.map_err(|_not_ascii| Trouble::new(at, "the error is not ASCII"))?);
    }
    // An error without a name, as old versions write it: `-1 (errno 524)`.
    if ret.value == Some(-1) && cursor.eat(b"(errno ") {
        let digits = cursor.take_while(|byte| byte.is_ascii_digit());
        ret.errno = core::str::from_utf8(digits).ok();
    }
    Ok(ret)
}

/// A number as strace writes it: decimal, `0x...` or octal with a leading 0; `None` for others.
pub(super) fn integer(text: &[u8]) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (radix, digits) = match digits.strip_prefix(b"0x") {
        Some(hex) => (16, hex),
        None if digits.len() > 1 && digits[0] == b'0' => (8, &digits[1..]),
        None => (10, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let value = digits.iter().try_fold(0_i128, |value, digit| {
        let digit = char::from(*digit).to_digit(radix)?;
        let value = value * i128::from(radix) + i128::from(digit);
        // Nothing in a log has more than 64 bits.
        (value <= i128::from(u64::MAX)).then_some(value)
    })?;
    Some(if negative { -value } else { value })
}

/// `<0.000012>` at the end; 0 without `-T`.
fn duration(rest: &[u8]) -> u64 {
    let rest = rest.trim_ascii_end();
    let Some(rest) = rest.strip_suffix(b">") else { return 0 };
    let Some(start) = rest.iter().rposition(|byte| *byte == b'<') else { return 0 };
    seconds(&rest[start + 1..]).unwrap_or(0)
}

/// The number in `/* 5 entries */` behind an argument.
pub(super) fn entries(arg: &[u8]) -> Option<u64> {
    let comment = &arg[find(arg, b"/* ")? + 3..];
    let end = find(comment, b" entr")?;
    decimal(&comment[..end])
}

#[cfg(test)]
mod tests {
    use super::{Call, entries, integer};

    fn check(text: &str, args: &[&str], value: Option<i64>, errno: Option<&str>, duration: u64) {
        let call = Call::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        let found: Vec<_> =
            call.args.iter().map(|arg| String::from_utf8_lossy(arg.text).into_owned()).collect();
        assert_eq!(found, args, "{text}");
        for arg in &call.args {
            assert!(text.as_bytes()[arg.at..].starts_with(arg.text), "{text}");
        }
        assert_eq!((call.ret.value, call.ret.errno), (value, errno), "{text}");
        assert_eq!(call.duration_ns, duration, "{text}");
    }

    #[test]
    fn calls_are_split_at_the_outermost_commas() {
        check("close(3</a,b>)   = 0 <0.000009>", &["3</a,b>"], Some(0), None, 9_000);
        check(
            r#"openat(AT_FDCWD</w>, "a,\")", O_RDONLY|O_CLOEXEC) = 3</w/a> <0.1>"#,
            &["AT_FDCWD</w>", r#""a,\")""#, "O_RDONLY|O_CLOEXEC"],
            Some(3),
            None,
            100_000_000,
        );
        check(
            "f({a=1, b=[2, 3]} => {a=2}, 4) = ?",
            &["{a=1, b=[2, 3]} => {a=2}", "4"],
            None,
            None,
            0,
        );
        check(
            "pause() = ? ERESTARTSYS (To be restarted) <9.0>",
            &[],
            None,
            Some("ERESTARTSYS"),
            9_000_000_000,
        );
        check(
            "f(0x7f /* 5 entries, x */, 32) = -1 EIO (a <b>)",
            &["0x7f /* 5 entries, x */", "32"],
            Some(-1),
            Some("EIO"),
            0,
        );
        check(
            "mmap(NULL) = 0x7f155d893000 <0.000015>",
            &["NULL"],
            Some(0x7f15_5d89_3000),
            None,
            15_000,
        );
        check(
            "f() = 0x8000 (flags O_RDONLY|O_LARGEFILE) <0.000001>",
            &[],
            Some(0x8000),
            None,
            1_000,
        );
        check(
            "capset({effective=1<<CAP_CHOWN|1<<CAP_KILL}) = 0",
            &["{effective=1<<CAP_CHOWN|1<<CAP_KILL}"],
            Some(0),
            None,
            0,
        );
        check("f() = 18446744073709551615", &[], Some(-1), None, 0);
        check("f() = -1 (errno 524) <0.1>", &[], Some(-1), Some("524"), 100_000_000);
    }

    #[test]
    fn returned_descriptors_carry_their_annotation() {
        let ret = |text: &'static str| Call::parse(text.as_bytes()).unwrap().ret.annotation;
        let found = ret("open() = 3</w/#65>(deleted) <0.1>").expect("annotated");
        assert_eq!((found.path(), found.deleted), (Some(&b"/w/#65"[..]), true));
        let found = ret("open() = 3</w/a (deleted)>").expect("annotated");
        assert_eq!((found.path(), found.deleted), (Some(&b"/w/a"[..]), true));
        let found = ret("open() = 3</dev/null<char 1:3>>").expect("annotated");
        assert_eq!((found.path(), found.deleted), (Some(&b"/dev/null"[..]), false));
        assert_eq!(ret("dup() = 3<pipe:[7]>").expect("annotated").path(), None);
        assert_eq!(ret("dup() = 3"), None);
    }

    #[test]
    fn damage_is_refused_where_it_is() {
        for (text, at) in [
            ("f(\"abc) = 0", 2),
            ("f(3</a) = 0", 3),
            ("f({1) = 0", 9),
            ("f(1) 0", 5),
            ("f(1) = x", 7),
            ("f", 0),
        ] {
            assert_eq!(Call::parse(text.as_bytes()).unwrap_err().at, at, "{text}");
        }
    }

    #[test]
    fn numbers_have_three_bases() {
        for (text, value) in [("0", 0), ("-1", -1), ("0644", 0o644), ("0x1f", 31), ("9", 9)] {
            assert_eq!(integer(text.as_bytes()), Some(value), "{text}");
        }
        for text in ["", "-", "0x", "9a", "089", "99999999999999999999"] {
            assert_eq!(integer(text.as_bytes()), None, "{text}");
        }
        assert_eq!(entries(b"0x55 /* 12 entries */"), Some(12));
        assert_eq!(entries(b"0x55"), None);
    }
}

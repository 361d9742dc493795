//! A system call as a person writes it in a scenario.
//!
//! The form is that of the text twin without its interval, with what people leave out filled in:
//! `open("/a", O_RDONLY) = 3` means `openat(AT_FDCWD, "/a", O_RDONLY, 0) = 3`. It refuses to guess
//! anything else. A reader would get wrong the missing result: a call without `=` must succeed,
//! and only `= ?` leaves it open.

use fuserig_abi::Errno;

use super::cursor::Cursor;
use super::error::{Mistake, TextError};
use super::parse::outs;
use super::values::{put_value, value};
use crate::calls::{ArgKind, CallNr, CallSpec, OutField, Shape};
use crate::record::{CallRecord, Value};

/// What a call is expected to return.
///
/// ```
/// use fuserig_traces::text::{CallForm, ExpectedResult};
/// let form = CallForm::parse("unlink(\"/a\")")?;
/// assert_eq!(form.expected, ExpectedResult::Success);
/// # Ok::<(), fuserig_traces::text::TextError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectedResult {
    /// No `=`: any value, no errno.
    Success,
    /// `= ?`: whatever comes.
    Anything,
    /// `= 3`, `= ENOENT`, `= -1 ENOENT`: the result and errno of the record.
    Exactly,
    /// `= crash`: the modelled kernel crashes.
    Crash,
    /// `= hang`: the caller waits for ever.
    Hang,
}

/// A call with its arguments, and what is expected of it.
///
/// ```
/// use fuserig_traces::calls::CallNr;
/// use fuserig_traces::text::CallForm;
/// let form = CallForm::parse("mkdir(\"/d\", 0755) = EEXIST")?;
/// assert_eq!((form.record.nr, form.record.errno), (CallNr::MKDIRAT, 17));
/// assert_eq!(form.to_string(), "mkdirat(AT_FDCWD, \"/d\", 0755) = -1 EEXIST");
/// # Ok::<(), fuserig_traces::text::TextError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallForm {
    /// Number, arguments, and with [`ExpectedResult::Exactly`] result, errno and outputs.
    pub record: CallRecord,
    /// What is expected of the result.
    pub expected: ExpectedResult,
}

/// A name that people use for a row with some arguments given.
struct Alias {
    name: &'static str,
    row: &'static str,
    given: &'static [(&'static str, Given)],
}

/// How an alias gives an argument.
#[derive(Clone, Copy)]
enum Given {
    /// It is not written.
    Fixed(u64),
    /// It may be left out.
    Default(u64),
}

const AT_FDCWD: i64 = -100;
const AT_SYMLINK_NOFOLLOW: u64 = 0x100;
const AT_REMOVEDIR: u64 = 0x200;
/// `O_CREAT|O_WRONLY|O_TRUNC`.
const CREAT: u64 = 0o1101;
/// Room for every attribute and link target that Linux knows.
const ROOM: u64 = 65536;

const ALIASES: &[Alias] = &[
    alias("open", "openat", &[]),
    alias("creat", "openat", &[("flags", Given::Fixed(CREAT)), ("mode", Given::Default(0o644))]),
    alias("pread", "pread64", &[]),
    alias("pwrite", "pwrite64", &[]),
    alias("lstat", "stat", &[("flags", Given::Fixed(AT_SYMLINK_NOFOLLOW))]),
    alias("mkdir", "mkdirat", &[("mode", Given::Default(0o755))]),
    alias("mknod", "mknodat", &[]),
    alias("symlink", "symlinkat", &[]),
    alias("link", "linkat", &[]),
    alias("unlink", "unlinkat", &[("flags", Given::Fixed(0))]),
    alias("rmdir", "unlinkat", &[("flags", Given::Fixed(AT_REMOVEDIR))]),
    alias("rename", "renameat2", &[]),
    alias("readlink", "readlinkat", &[("size", Given::Default(4096))]),
    alias("chmod", "fchmodat", &[]),
    alias("chown", "fchownat", &[]),
    alias("lchown", "fchownat", &[("flags", Given::Fixed(AT_SYMLINK_NOFOLLOW))]),
    alias("getdents", "getdents64", &[("count", Given::Default(4096))]),
    alias("getxattr", "getxattrat", &[("flags", Given::Fixed(0)), ("size", Given::Default(ROOM))]),
    alias("setxattr", "setxattrat", &[("at_flags", Given::Fixed(0))]),
    alias(
        "listxattr",
        "listxattrat",
        &[("flags", Given::Fixed(0)), ("size", Given::Default(ROOM))],
    ),
    alias("removexattr", "removexattrat", &[("flags", Given::Fixed(0))]),
];

const fn alias(
    name: &'static str,
    row: &'static str,
    given: &'static [(&'static str, Given)],
) -> Alias {
    Alias { name, row, given }
}

impl CallForm {
    /// Reads a call from a line without its end.
    ///
    /// # Errors
    /// At the first byte that is wrong; the line counts as the first.
    pub fn parse(line: &str) -> Result<CallForm, TextError> {
        form(&mut Cursor::new(line)).map_err(|mistake| mistake.in_line(1))
    }

    /// The names that [`CallForm::parse`] knows beside those of the table.
    pub fn aliases() -> impl Iterator<Item = (&'static str, &'static str)> {
        ALIASES.iter().map(|alias| (alias.name, alias.row))
    }
}

fn form(cursor: &mut Cursor<'_>) -> Result<CallForm, Mistake> {
    let (spec, given) = cursor.parsed(&['(', ' '], "a system call such as open", known)?;
    cursor.expect("(")?;
    let mut args = Vec::with_capacity(spec.args.len());
    let mut written = 0;
    for &(name, kind) in spec.args {
        let preset = given.iter().find(|(known, _)| *known == name).map(|(_, given)| *given);
        if let Some(Given::Fixed(number)) = preset {
            args.push(number_of(kind, number));
            continue;
        }
        if cursor.rest().starts_with(')') {
            args.push(missing(cursor, name, kind, preset)?);
            continue;
        }
        let after = cursor.clone();
        if written > 0 {
            cursor.expect(",")?;
            while cursor.eat(" ") {}
        }
        if kind == ArgKind::DirFd && cursor.at_literal() {
            *cursor = after;
            args.push(Value::Int(AT_FDCWD));
            continue;
        }
        written += 1;
        args.push(value(cursor, Some(kind))?);
    }
    cursor.expect(")")?;
    let mut record = CallRecord { nr: spec.nr, args, ..CallRecord::default() };
    let expected = result(cursor, spec, &mut record)?;
    cursor.end()?;
    Ok(CallForm { record, expected })
}

fn known(word: &str) -> Option<(&'static CallSpec, &'static [(&'static str, Given)])> {
    match ALIASES.iter().find(|alias| alias.name == word) {
        Some(alias) => Some((CallSpec::by_name(alias.row)?, alias.given)),
        None => Some((CallSpec::by_name(word)?, &[])),
    }
}

fn number_of(kind: ArgKind, number: u64) -> Value {
    match kind.shape() {
        Shape::Int => Value::Int(number.cast_signed()),
        Shape::UInt => Value::UInt(number),
        Shape::Bytes => Value::Bytes(Vec::new()),
    }
}

/// An argument that the call does not write: one at the end that an alias gives, or a zero.
fn missing(
    cursor: &Cursor<'_>,
    name: &str,
    kind: ArgKind,
    preset: Option<Given>,
) -> Result<Value, Mistake> {
    match (preset, kind) {
        (Some(Given::Default(number) | Given::Fixed(number)), _) => Ok(number_of(kind, number)),
        (None, ArgKind::DirFd) => Ok(Value::Int(AT_FDCWD)),
        (None, ArgKind::Fd | ArgKind::Path | ArgKind::Name | ArgKind::Data) => {
            Err(cursor.mistake(format!("the argument `{name}` is missing")))
        }
        (None, _) => Ok(number_of(kind, 0)),
    }
}

fn result(
    cursor: &mut Cursor<'_>,
    spec: &CallSpec,
    record: &mut CallRecord,
) -> Result<ExpectedResult, Mistake> {
    if !cursor.eat(" = ") {
        return Ok(ExpectedResult::Success);
    }
    if cursor.eat("?") {
        return Ok(ExpectedResult::Anything);
    }
    if cursor.rest() == "crash" || cursor.rest() == "hang" {
        return Ok(if cursor.word() == "crash" {
            ExpectedResult::Crash
        } else {
            ExpectedResult::Hang
        });
    }
    let hint = "a number, the name of an errno, ?, crash or hang";
    if cursor.rest().starts_with('E') {
        record.errno = cursor.parsed(&[' '], hint, errno)?;
        record.result = -1;
        return Ok(ExpectedResult::Exactly);
    }
    record.result = cursor.parsed(&[' '], hint, super::cursor::signed)?;
    if cursor.eat(" E") {
        record.errno =
            cursor.parsed(&[' '], "the name of an errno", |word| errno(&format!("E{word}")))?;
        return Ok(ExpectedResult::Exactly);
    }
    if cursor.eat(" {") {
        record.out = outs(cursor)?;
    } else if cursor.rest().starts_with(' ') {
        cursor.expect(" ")?;
        let field = [OutField::DATA, OutField::TARGET, OutField::PATH]
            .into_iter()
            .find(|field| spec.outs.contains(field));
        let Some(field) = field.filter(|_| cursor.at_literal()) else {
            return Err(cursor.mistake("expected {FIELD: VALUE, ...}, or bytes that a call reads"));
        };
        record.out = vec![(field, Value::Bytes(cursor.literal()?))];
    }
    Ok(ExpectedResult::Exactly)
}

fn errno(word: &str) -> Option<u16> {
    u16::try_from(Errno::from_name(word)?.0).ok()
}

impl core::fmt::Display for CallForm {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut text = String::new();
        put_call(&mut text, self.record.nr, &self.record.args);
        match self.expected {
            ExpectedResult::Success => {}
            ExpectedResult::Anything => text.push_str(" = ?"),
            ExpectedResult::Crash => text.push_str(" = crash"),
            ExpectedResult::Hang => text.push_str(" = hang"),
            ExpectedResult::Exactly => {
                text.push_str(&format!(" = {}", self.record.result));
                if self.record.errno != 0 {
                    text.push_str(&format!(" {}", Errno(i32::from(self.record.errno))));
                }
                for (place, (field, output)) in self.record.out.iter().enumerate() {
                    text.push_str(if place == 0 { " {" } else { ", " });
                    text.push_str(&format!("{field}: "));
                    put_value(&mut text, field.kind(), output.as_ref());
                }
                if !self.record.out.is_empty() {
                    text.push('}');
                }
            }
        }
        out.write_str(&text)
    }
}

fn put_call(text: &mut String, nr: CallNr, args: &[Value]) {
    let spec = nr.spec();
    text.push_str(spec.map_or("call#", |spec| spec.name));
    if spec.is_none() {
        text.push_str(&nr.0.to_string());
    }
    text.push('(');
    for (place, argument) in args.iter().enumerate() {
        if place > 0 {
            text.push_str(", ");
        }
        let kind = spec.and_then(|spec| spec.args.get(place)).map(|(_, kind)| *kind);
        put_value(text, kind, argument.as_ref());
    }
    text.push(')');
}

#[cfg(test)]
mod tests {
    use super::{ALIASES, CallForm, ExpectedResult, Given};
    use crate::calls::CallSpec;

    fn check(text: &str, expected: &str) {
        let form = CallForm::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(form.to_string(), expected);
        let again = CallForm::parse(expected).unwrap_or_else(|error| panic!("{expected}: {error}"));
        assert_eq!(again, form, "{expected} is read as what it was printed from");
    }

    #[test]
    fn what_people_leave_out_is_filled_in() {
        check("open(\"/a\", O_RDONLY) = 3", "openat(AT_FDCWD, \"/a\", O_RDONLY, 0) = 3");
        check("creat(\"/a\")", "openat(AT_FDCWD, \"/a\", O_WRONLY|O_CREAT|O_TRUNC, 0644)");
        check("rename(\"/a\", \"/b\")", "renameat2(AT_FDCWD, \"/a\", AT_FDCWD, \"/b\", 0)");
        check("renameat2(3, \"a\", 4, \"b\")", "renameat2(3, \"a\", 4, \"b\", 0)");
        check("symlink(\"t\", \"/l\")", "symlinkat(b\"t\", AT_FDCWD, \"/l\")");
        check(
            "rmdir(\"/d\") = ENOTEMPTY",
            "unlinkat(AT_FDCWD, \"/d\", AT_REMOVEDIR) = -1 ENOTEMPTY",
        );
        check("read(3, 10) = 2 \"hi\"", "read(3, 10) = 2 {data: b\"hi\"}");
        check("stat(\"/a\") = 0 {size: 5}", "stat(AT_FDCWD, \"/a\", 0) = 0 {size: 5}");
        check("close(3) = ?", "close(3) = ?");
        check("close(3) = hang", "close(3) = hang");
        check(
            "getxattr(\"/a\", \"user.x\") = ENODATA",
            "getxattrat(AT_FDCWD, \"/a\", 0, \"user.x\", 65536) = -1 ENODATA",
        );
    }

    fn refuse(text: &str, expected: &str) {
        let error = CallForm::parse(text).expect_err(text);
        assert_eq!(error.to_string(), format!("read text trace, line 1 {expected}"));
    }

    #[test]
    fn mistakes_have_their_column() {
        refuse("opne(\"/a\")", "column 1: expected a system call such as open");
        refuse("open()", "column 6: the argument `path` is missing");
        refuse(
            "close(3) = EWHAT",
            "column 12: expected a number, the name of an errno, ?, crash or hang",
        );
        refuse("close(3, 4)", "column 8: expected \")\"");
        refuse(
            "close(3) = 0 \"x\"",
            "column 14: expected {FIELD: VALUE, ...}, or bytes that a call reads",
        );
    }

    #[test]
    fn aliases_name_rows_and_arguments_that_exist() {
        for alias in ALIASES {
            let spec = CallSpec::by_name(alias.row).expect("the row exists");
            assert!(CallSpec::by_name(alias.name).is_none(), "{} is a row", alias.name);
            for (name, Given::Fixed(_) | Given::Default(_)) in alias.given {
                assert!(spec.arg_index(name).is_some(), "{} has no {name}", alias.row);
            }
        }
        assert_eq!(CallForm::aliases().count(), ALIASES.len());
        assert_ne!(ExpectedResult::Crash, ExpectedResult::Hang);
    }
}

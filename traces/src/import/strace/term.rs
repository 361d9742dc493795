//! Arguments as values: numbers, strings, flags, structures.
//!
//! Only calls below the root get this far. Parsing knows the shapes and not the calls; what a
//! name is worth is decided where it is used. What a reader would get wrong: `...` in a structure
//! is strace being brief (no `-v`), but behind a string it means that data are missing.

use super::cursor::Cursor;
use super::error::Trouble;
use super::syntax::{Annotation, Arg, annotation, integer};

/// Structures of strace nest four deep; hostile ones are stopped here.
const DEPTH_MAX: u32 = 16;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Term<'a> {
    /// `-1`, `0644`, `0x7f`.
    Int(i128),
    /// `3</srv/work/a>`.
    Fd(i128, Annotation),
    /// `AT_FDCWD`, `NULL`, with the annotation of `AT_FDCWD</srv/work>`.
    Name(&'a [u8], Option<Annotation>),
    /// `"..."`; `cut` when `...` follows.
    Str { bytes: Vec<u8>, cut: bool },
    /// `A|B|0x4`.
    Or(Vec<Term<'a>>),
    /// `{a=1, b=2, ...}`.
    Struct(Vec<(&'a [u8], Term<'a>)>),
    /// `[1, 2]`; `cut` when `...` follows the last.
    Array { items: Vec<Term<'a>>, cut: bool },
    /// `makedev(0x1, 0x3)`.
    Call(&'a [u8], Vec<Term<'a>>),
    /// `[0] => [600]`: before and after.
    Change(Box<Term<'a>>, Box<Term<'a>>),
}

impl<'a> Term<'a> {
    /// Reads a whole argument. Places in errors are those of the call's text.
    pub(super) fn parse(arg: Arg<'a>) -> Result<Term<'a>, Trouble> {
        let mut cursor = Cursor::new(arg.text);
        let shift = |error: Trouble| Trouble::new(arg.at + error.at, error.why);
        let term = term(&mut cursor, 0).map_err(shift)?;
        cursor.skip_blank();
        if !cursor.is_done() {
            return Err(shift(cursor.trouble("expected the end of the argument")));
        }
        Ok(term)
    }

    /// The field of a structure.
    pub(super) fn field(&self, name: &str) -> Option<&Term<'a>> {
        match self {
            Term::Struct(fields) => {
                fields.iter().find(|(known, _)| *known == name.as_bytes()).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// The number of a plain integer.
    pub(super) fn int(&self) -> Option<i128> {
        match self {
            Term::Int(number) | Term::Fd(number, _) => Some(*number),
            _ => None,
        }
    }
}

fn term<'a>(cursor: &mut Cursor<'a>, depth: u32) -> Result<Term<'a>, Trouble> {
    if depth > DEPTH_MAX {
        return Err(cursor.trouble("the value nests too deep"));
    }
    let first = operand(cursor, depth)?;
    cursor.skip_blank();
    let mut parts = vec![first];
    while cursor.eat(b"|") {
        parts.push(operand(cursor, depth)?);
        cursor.skip_blank();
    }
    let value = if parts.len() == 1 { parts.swap_remove(0) } else { Term::Or(parts) };
    if cursor.eat(b"=>") {
        let after = term(cursor, depth + 1)?;
        return Ok(Term::Change(Box::new(value), Box::new(after)));
    }
    Ok(value)
}

fn operand<'a>(cursor: &mut Cursor<'a>, depth: u32) -> Result<Term<'a>, Trouble> {
    cursor.skip_blank();
    let at = cursor.at();
    match cursor.peek() {
        Some(b'"') => {
            let bytes = cursor.string()?;
            Ok(Term::Str { bytes, cut: cursor.eat(b"...") })
        }
        Some(b'{') => structure(cursor, depth),
        Some(b'[') => array(cursor, depth),
        Some(byte) if byte.is_ascii_digit() || byte == b'-' => {
            let digits = cursor.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            let number = integer(digits).ok_or_else(|| Trouble::new(at, "expected a number"))?;
            if cursor.peek() == Some(b'<') && cursor.rest().get(1) != Some(&b'<') {
                return Ok(Term::Fd(number, annotation(cursor)?));
            }
            Ok(Term::Int(number))
        }
        Some(byte) if is_name(byte) => {
            let name = cursor.take_while(is_name);
            if cursor.eat(b"(") {
                return Ok(Term::Call(name, items(cursor, b")", depth)?.0));
            }
            let annotation = match cursor.peek() {
                Some(b'<') => Some(annotation(cursor)?),
                _ => None,
            };
            Ok(Term::Name(name, annotation))
        }
        _ => Err(cursor.trouble("expected a value")),
    }
}

fn structure<'a>(cursor: &mut Cursor<'a>, depth: u32) -> Result<Term<'a>, Trouble> {
    cursor.eat(b"{");
    let mut fields = Vec::new();
    loop {
        cursor.skip_blank();
        if cursor.eat(b"}") {
            return Ok(Term::Struct(fields));
        }
        if cursor.eat(b"...") {
            cursor.skip_blank();
        } else {
            let name = cursor.take_while(is_name);
            if name.is_empty() || !cursor.eat(b"=") {
                return Err(cursor.trouble("expected `field=value`"));
            }
            fields.push((name, term(cursor, depth + 1)?));
            cursor.skip_blank();
        }
        if !cursor.eat(b",") && cursor.peek() != Some(b'}') {
            return Err(cursor.trouble("expected `,` or `}`"));
        }
    }
}

fn array<'a>(cursor: &mut Cursor<'a>, depth: u32) -> Result<Term<'a>, Trouble> {
    cursor.eat(b"[");
    let (items, cut) = items(cursor, b"]", depth)?;
    Ok(Term::Array { items, cut })
}

fn items<'a>(
    cursor: &mut Cursor<'a>,
    close: &[u8],
    depth: u32,
) -> Result<(Vec<Term<'a>>, bool), Trouble> {
    let mut items = Vec::new();
    let mut cut = false;
    loop {
        cursor.skip_blank();
        if cursor.eat(close) {
            return Ok((items, cut));
        }
        if cursor.eat(b"...") {
            cut = true;
            cursor.skip_blank();
        } else {
            items.push(term(cursor, depth + 1)?);
            cursor.skip_blank();
        }
        if !cursor.eat(b",") && !cursor.rest().starts_with(close) {
            return Err(cursor.trouble("expected `,` or the end of the list"));
        }
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::{Annotation, Arg, Term};

    fn parse(text: &str) -> Term<'_> {
        Term::parse(Arg { text: text.as_bytes(), at: 0 })
            .unwrap_or_else(|error| panic!("{text}: {error:?}"))
    }

    fn string(text: &str) -> Term<'static> {
        Term::Str { bytes: text.into(), cut: false }
    }

    #[test]
    fn values_have_their_shapes() {
        assert_eq!(parse("0755"), Term::Int(0o755));
        assert_eq!(parse("NULL"), Term::Name(b"NULL", None));
        assert_eq!(parse(r#""a\n""#), string("a\n"));
        assert_eq!(parse(r#""a"..."#), Term::Str { bytes: b"a".to_vec(), cut: true });
        assert_eq!(
            parse("3</w/a\\76b>(deleted)"),
            Term::Fd(3, Annotation { text: b"/w/a>b".to_vec(), deleted: true })
        );
        assert_eq!(
            parse("AT_FDCWD</w>"),
            Term::Name(b"AT_FDCWD", Some(Annotation { text: b"/w".to_vec(), deleted: false }))
        );
        assert_eq!(
            parse("S_IFREG|0644"),
            Term::Or(vec![Term::Name(b"S_IFREG", None), Term::Int(0o644)])
        );
        assert_eq!(
            parse("makedev(0x1, 0x3)"),
            Term::Call(b"makedev", vec![Term::Int(1), Term::Int(3)])
        );
    }

    #[test]
    fn structures_and_changes_are_read() {
        let stat = parse("{st_mode=S_IFREG|0644, st_mtime=5 /* 1970 */, x={y=[1, 2, ...]}, ...}");
        assert_eq!(stat.field("st_mtime"), Some(&Term::Int(5)));
        let nested = stat.field("x").and_then(|x| x.field("y"));
        let items = vec![Term::Int(1), Term::Int(2)];
        assert_eq!(nested, Some(&Term::Array { items, cut: true }));
        let Term::Change(before, after) = parse("[0] => [600]") else { panic!("no change") };
        assert_ne!(before, after);
    }

    #[test]
    fn nesting_has_an_end() {
        let deep = "[".repeat(100);
        let error = Term::parse(Arg { text: deep.as_bytes(), at: 3 }).unwrap_err();
        assert_eq!(error.why, "the value nests too deep");
        for text in ["", "{a}", "{a=1", "[1", "1 2", "|", "\"a", "3<a"] {
            assert!(Term::parse(Arg { text: text.as_bytes(), at: 0 }).is_err(), "{text}");
        }
    }
}

//! The canonical text back into a description.

use super::scan::Scanner;
use super::{
    AbiSpec, AttachKind, CodeSpec, ConstantSpec, EnumSpec, FieldSpec, KfuncSpec, Knowledge,
    MemberKind, MemberSpec, OpsSpec, QuirkSpec, RuleSpec, SpecError, StructSpec, type_parse,
};

/// What the indented lines below a heading belong to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Nothing,
    Ops,
    Struct,
    Enum,
    Kfunc,
    Code,
}

impl AbiSpec {
    /// Reads the canonical text; lines that begin with `#` are remarks.
    ///
    /// # Errors
    /// The first line that is no part of a description, with its place.
    pub fn parse(text: &str) -> Result<AbiSpec, SpecError> {
        let mut spec = AbiSpec::default();
        let mut open = Open::Nothing;
        for (number, line) in (1u32..).zip(text.lines()) {
            let trimmed = line.trim_start_matches(' ');
            if trimmed.is_empty() || trimmed.starts_with('#') {
                continue;
            }
            let mut scanner = Scanner::new(line, number);
            if number > 1 && spec.name.is_empty() {
                return Err(scanner.error("the first line is `abi NAME`"));
            }
            if line.starts_with(' ') {
                inner(&mut spec, open, &mut scanner)?;
            } else {
                open = heading(&mut spec, &mut scanner)?;
            }
            scanner.expect_end()?;
        }
        if spec.name.is_empty() {
            return Err(SpecError::new(1, 1, "empty: the first line is `abi NAME`"));
        }
        Ok(spec)
    }
}

fn heading(spec: &mut AbiSpec, scanner: &mut Scanner<'_>) -> Result<Open, SpecError> {
    let start = scanner.clone();
    let word = scanner.name()?;
    if spec.name.is_empty() != (word == "abi") {
        return Err(start.error("the first line, and only that, is `abi NAME`"));
    }
    match word.as_str() {
        "abi" => spec.name = scanner.name()?,
        "title" => spec.title = scanner.line_text()?,
        "knows" => knows(spec, scanner)?,
        "ops" => {
            spec.ops.push(ops(scanner)?);
            return Ok(Open::Ops);
        }
        "struct" | "union" => {
            spec.structs.push(structure(scanner, word == "union")?);
            return Ok(Open::Struct);
        }
        "enum" => {
            let name = scanner.name()?;
            scanner.expect_word("size")?;
            spec.enums.push(EnumSpec { name, size: scanner.fitting()?, values: Vec::new() });
            return Ok(Open::Enum);
        }
        "kfunc" => {
            spec.kfuncs.push(kfunc(scanner)?);
            return Ok(Open::Kfunc);
        }
        "code" => {
            spec.codes.push(code(scanner)?);
            return Ok(Open::Code);
        }
        "constant" => spec.constants.push(constant(scanner)?),
        "helper" => {
            spec.helpers.insert(scanner.name()?);
        }
        "rule" => {
            let name = scanner.name()?;
            scanner.expect(":")?;
            spec.rules.push(RuleSpec { name, text: scanner.line_text()? });
        }
        "quirk" => {
            let (id, class) = (scanner.name()?, scanner.name()?);
            scanner.expect(":")?;
            spec.quirks.push(QuirkSpec { id, class, text: scanner.line_text()? });
        }
        _ => {
            return Err(start.error(
                "expected `title`, `knows`, `ops`, `struct`, `union`, `enum`, `kfunc`, \
                 `constant`, `code`, `helper`, `rule` or `quirk`",
            ));
        }
    }
    Ok(Open::Nothing)
}

fn knows(spec: &mut AbiSpec, scanner: &mut Scanner<'_>) -> Result<(), SpecError> {
    while !scanner.at_end() {
        let start = scanner.clone();
        let word = scanner.name()?;
        let knowledge = Knowledge::from_name(&word).ok_or_else(|| {
            let known: Vec<&str> = Knowledge::ALL.iter().map(|subject| subject.name()).collect();
            start.error(format!("unknown subject; one of {}", known.join(", ")))
        })?;
        spec.knows.insert(knowledge);
    }
    Ok(())
}

fn ops(scanner: &mut Scanner<'_>) -> Result<OpsSpec, SpecError> {
    let name = scanner.name()?;
    let start = scanner.clone();
    let attach = AttachKind::from_name(&scanner.name()?)
        .ok_or_else(|| start.error("expected `struct_ops` or `prog_type`"))?;
    scanner.expect_word("size")?;
    Ok(OpsSpec { name, attach, size: scanner.fitting()?, members: Vec::new() })
}

fn structure(scanner: &mut Scanner<'_>, union: bool) -> Result<StructSpec, SpecError> {
    let name = scanner.name()?;
    scanner.expect_word("size")?;
    let size = scanner.fitting()?;
    let wire = scanner.take_word("wire");
    Ok(StructSpec { name, union, size, wire, fields: Vec::new() })
}

fn kfunc(scanner: &mut Scanner<'_>) -> Result<KfuncSpec, SpecError> {
    let name = scanner.name()?;
    scanner.expect(":")?;
    Ok(KfuncSpec {
        name,
        prototype: type_parse::prototype(scanner)?,
        flags: Default::default(),
        prog_types: Default::default(),
        semantics: String::new(),
    })
}

fn code(scanner: &mut Scanner<'_>) -> Result<CodeSpec, SpecError> {
    let name = scanner.name()?;
    let (value, range) = if scanner.take("=") {
        (Some(scanner.number()?), String::new())
    } else {
        scanner.expect_word("range")?;
        (None, scanner.line_text()?)
    };
    Ok(CodeSpec { name, value, range, pre: String::new(), post: String::new() })
}

fn constant(scanner: &mut Scanner<'_>) -> Result<ConstantSpec, SpecError> {
    let name = scanner.name()?;
    scanner.expect("=")?;
    let value = scanner.number()?;
    scanner.expect_word("in")?;
    Ok(ConstantSpec { name, value, group: scanner.name()? })
}

/// An indented line below a heading.
fn inner(spec: &mut AbiSpec, open: Open, scanner: &mut Scanner<'_>) -> Result<(), SpecError> {
    const HELD: &str = "the heading above was pushed when its line was read";
    match open {
        Open::Nothing => Err(scanner.error("an indented line without a heading above it")),
        Open::Ops => {
            let member = member(scanner)?;
            spec.ops.last_mut().expect(HELD).members.push(member);
            Ok(())
        }
        Open::Struct => {
            let field = field(scanner)?;
            spec.structs.last_mut().expect(HELD).fields.push(field);
            Ok(())
        }
        Open::Enum => {
            let name = scanner.name()?;
            scanner.expect("=")?;
            let value = scanner.number()?;
            spec.enums.last_mut().expect(HELD).values.push((name, value));
            Ok(())
        }
        Open::Kfunc => {
            let kfunc = spec.kfuncs.last_mut().expect(HELD);
            if scanner.take_word("flag") {
                kfunc.flags.insert(scanner.name()?);
            } else if scanner.take_word("for") {
                kfunc.prog_types.insert(scanner.name()?);
            } else {
                scanner.expect_word("does")?;
                kfunc.semantics = scanner.line_text()?;
            }
            Ok(())
        }
        Open::Code => {
            let code = spec.codes.last_mut().expect(HELD);
            if scanner.take("pre:") {
                code.pre = scanner.line_text()?;
            } else {
                scanner.expect("post:")?;
                code.post = scanner.line_text()?;
            }
            Ok(())
        }
    }
}

fn member(scanner: &mut Scanner<'_>) -> Result<MemberSpec, SpecError> {
    scanner.expect("@")?;
    let offset = if scanner.take("-") { None } else { Some(scanner.fitting()?) };
    scanner.expect("+")?;
    let size = scanner.fitting()?;
    let name = scanner.name()?;
    scanner.expect(":")?;
    let kind = if scanner.take_word("program") {
        MemberKind::Callback(type_parse::prototype(scanner)?)
    } else {
        MemberKind::Data(type_parse::ty(scanner)?)
    };
    let opcode = if scanner.take("[opcode ") {
        let opcode = scanner.fitting()?;
        scanner.expect("]")?;
        Some(opcode)
    } else {
        None
    };
    let missing = if scanner.take("[missing ") { Some(scanner.bracket_text()?) } else { None };
    Ok(MemberSpec { name, offset, size, kind, missing, opcode })
}

fn field(scanner: &mut Scanner<'_>) -> Result<FieldSpec, SpecError> {
    scanner.expect("@")?;
    let offset = scanner.fitting()?;
    scanner.expect("+")?;
    let size = scanner.fitting()?;
    let bits = if scanner.take("~") {
        let first = scanner.fitting()?;
        scanner.expect(":")?;
        Some((first, scanner.fitting()?))
    } else {
        None
    };
    let name = scanner.name()?;
    scanner.expect(":")?;
    Ok(FieldSpec { name, offset, size, bits, ty: type_parse::ty(scanner)? })
}

/// For the fuzzer: any bytes give a description or an error, and a description survives its text.
#[doc(hidden)]
pub fn fuzz_abi_spec(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(spec) = AbiSpec::from_json(&text) {
        let again = AbiSpec::from_json(&spec.to_json()).expect("what is written can be read");
        assert_eq!(again, spec, "reading and writing agree");
    }
    if let Ok(spec) = AbiSpec::parse(&text) {
        let again = AbiSpec::parse(&spec.to_text()).expect("what is written can be read");
        assert_eq!(again, spec, "reading and writing agree");
    }
}

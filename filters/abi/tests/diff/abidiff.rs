//! The truth table beside abidiff (package abigail-tools), which compares the types of two shared
//! libraries. Each mutation is written as C, compiled with debug information and compared.
//!
//! It shows why a filter's ABI needs a comparison of its own: abidiff is about programs that were
//! linked against a library, and a filter is found by name, loaded by rules and run by a kernel.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use fuserig_abi::diff::{AbiDiff, Direction, Loader};
use fuserig_abi::spec::{AbiSpec, FieldSpec, MemberKind, Prototype, StructSpec, TypeRef};

use super::{base, cases, letters, mutated};

/// A declaration in C.
fn declare(ty: &TypeRef, name: &str) -> String {
    match ty {
        TypeRef::Array(of, len) => declare(of, &format!("{name}[{len}]")),
        TypeRef::Pointer(of) => match of.as_ref() {
            TypeRef::Function(prototype) => function(prototype, &format!("(*{name})")),
            of => declare(of, &format!("*{name}")),
        },
        TypeRef::Const(of) if !matches!(of.as_ref(), TypeRef::Pointer(_)) => {
            format!("const {}", declare(of, name))
        }
        TypeRef::Const(of) | TypeRef::Volatile(of) => declare(of, name),
        other => format!("{other} {name}"),
    }
}

fn function(prototype: &Prototype, name: &str) -> String {
    let params = prototype.params.iter().map(|param| declare(&param.ty, &param.name));
    let params: Vec<String> = params.collect();
    let params = if params.is_empty() { "void".to_owned() } else { params.join(", ") };
    declare(&prototype.ret, &format!("{name}({params})"))
}

/// Puts members at their offsets, with unnamed room between them.
struct Layout {
    text: String,
    at: u32,
    rooms: u32,
}

impl Layout {
    fn new(heading: &str) -> Layout {
        Layout { text: format!("{heading} {{\n"), at: 0, rooms: 0 }
    }

    fn room(&mut self, to: u32) {
        if to > self.at {
            let _ = writeln!(self.text, "\tu8 room_{}[{}];", self.rooms, to - self.at);
            self.rooms += 1;
            self.at = to;
        }
    }

    fn put(&mut self, offset: u32, size: u32, declaration: &str) {
        self.room(offset);
        let _ = writeln!(self.text, "\t{declaration};");
        self.at = self.at.max(offset + size);
    }

    fn end(mut self, size: u32) -> String {
        self.room(size);
        self.text.push_str("} __attribute__((packed));\n");
        self.text
    }
}

fn structure(one: &StructSpec) -> String {
    let word = if one.union { "union" } else { "struct" };
    let mut layout = Layout::new(&format!("{word} {}", one.name));
    if one.union {
        for field in &one.fields {
            let _ = writeln!(layout.text, "\t{};", declare(&field.ty, &field.name));
        }
        layout.at = one.size;
        return layout.end(one.size);
    }
    let mut fields: Vec<&FieldSpec> = one.fields.iter().collect();
    fields.sort_by_key(|field| (field.offset, field.bits));
    for field in fields {
        let declaration = declare(&field.ty, &field.name);
        match field.bits {
            None => layout.put(field.offset, field.size, &declaration),
            Some((first, width)) => {
                layout.room(field.offset);
                let _ = writeln!(layout.text, "\t{declaration} : {width};");
                layout.at = layout.at.max(field.offset + (first + width).div_ceil(8));
            }
        }
    }
    layout.end(one.size)
}

/// The description as a C file that uses every type it has.
fn c_of(spec: &AbiSpec) -> String {
    let mut text = String::from(
        "#include <stdbool.h>\ntypedef unsigned char u8; typedef signed char i8;\n\
         typedef unsigned short u16; typedef short i16; typedef unsigned int u32;\n\
         typedef int i32; typedef unsigned long long u64; typedef long long i64;\n\
         struct dyn;\n",
    );
    for one in &spec.enums {
        let values = one.values.iter().map(|(name, value)| format!("{name} = {value}"));
        let values: Vec<String> = values.collect();
        let _ = writeln!(text, "enum {} {{ {} }};", one.name, values.join(", "));
    }
    for one in &spec.structs {
        let _ = writeln!(text, "{} {};", if one.union { "union" } else { "struct" }, one.name);
    }
    for one in &spec.structs {
        text.push_str(&structure(one));
    }
    let mut uses = String::new();
    for ops in &spec.ops {
        let mut layout = Layout::new(&format!("struct {}", ops.name));
        for member in &ops.members {
            let declaration = match &member.kind {
                MemberKind::Callback(prototype) => {
                    function(prototype, &format!("(*{})", member.name))
                }
                MemberKind::Data(ty) => declare(ty, &member.name),
            };
            layout.put(member.offset.unwrap_or(layout.at), member.size, &declaration);
        }
        text.push_str(&layout.end(ops.size));
        let _ = writeln!(uses, "struct {0} the_{0};", ops.name);
    }
    for one in &spec.structs {
        let word = if one.union { "union" } else { "struct" };
        let _ = writeln!(uses, "{word} {0} the_{0};", one.name);
    }
    for one in &spec.enums {
        let _ = writeln!(uses, "enum {0} the_{0};", one.name);
    }
    for kfunc in &spec.kfuncs {
        let is_void = kfunc.prototype.ret == TypeRef::Void;
        let body = if is_void { "{ }" } else { "{ return 0; }" };
        let _ = writeln!(uses, "{} {body}", function(&kfunc.prototype, &kfunc.name));
    }
    text + &uses
}

fn library(directory: &Path, name: &str, source: &str) -> Result<PathBuf, String> {
    let (c, so) = (directory.join(format!("{name}.c")), directory.join(format!("{name}.so")));
    std::fs::write(&c, source).expect("it is written");
    let output = Command::new("cc")
        .args(["-g", "-O0", "-shared", "-fPIC", "-w", "-fno-eliminate-unused-debug-types"])
        .args([c.as_path(), Path::new("-o"), &so])
        .output()
        .map_err(|error| format!("cc: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(so) } else { Err(said) }
}

/// What abidiff says: bit 2 is a change, bit 3 one that it calls incompatible.
fn abidiff(old: &Path, new: &Path) -> Option<i32> {
    Command::new("abidiff").args([old, new]).output().ok()?.status.code()
}

/// What the table says in one direction, for filters found by name.
fn ours(old: &AbiSpec, new: &AbiSpec, direction: Direction) -> String {
    letters(AbiDiff::between(old, new).rungs(direction, Loader::ByName))
}

#[test]
fn abidiff_does_not_tell_apart_what_the_table_does() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("abidiff");
    std::fs::create_dir_all(&directory).expect("it can be made");
    let base = base();
    if Command::new("abidiff").arg("--version").output().is_err() {
        println!("skipped: compare with abidiff: abigail-tools is not installed");
        return;
    }
    let source = c_of(&base);
    let old = match library(&directory, "base", &source) {
        Ok(old) => old,
        Err(reason) => {
            println!("skipped: compare with abidiff: {reason}");
            return;
        }
    };
    let mut codes: BTreeMap<String, i32> = BTreeMap::new();
    println!("abidiff  old>new new>old  mutation");
    for (number, case) in cases().iter().enumerate() {
        let mutated = mutated(case);
        let changed = c_of(&mutated);
        // What C does not show, such as defaults, return codes and quirks, is not put to it.
        if changed == source {
            continue;
        }
        let new = library(&directory, &format!("case{number:02}"), &changed)
            .unwrap_or_else(|said| panic!("{}: {said}", case.name));
        let code = abidiff(&old, &new).expect("it ran before");
        let sides = Direction::ALL.map(|direction| ours(&base, &mutated, direction));
        println!("{code:7}  {:7} {:7}  {}", sides[0], sides[1], case.name);
        codes.insert(case.name.clone(), code);
    }
    assert!(codes.len() >= 40, "{}", codes.len());
    let code = |name: &str| *codes.get(name).unwrap_or_else(|| panic!("no case `{name}`"));
    // An appended callback breaks nobody, and a removed one every filter that sets it.
    let appended = code("a callback is appended at the end");
    assert_eq!(appended, code("a callback is removed and the others close up"));
    assert_eq!(appended, code("a callback is removed and leaves a hole"));
    // A renamed one is refused by every loader, a renamed field by CO-RE, and both are no change.
    assert_eq!(code("a callback is renamed"), 0);
    assert_eq!(code("a field is renamed"), 0);
    // What breaks filters, and what abidiff calls no change.
    let silent = |name: &&String| {
        let cases = cases();
        let case = cases.iter().find(|case| case.name == **name).expect("it is in the table");
        let mutated = mutated(case);
        let breaks = |direction| ours(&base, &mutated, direction) != "-";
        codes[*name] == 0 && Direction::ALL.into_iter().any(breaks)
    };
    let silent: Vec<&String> = codes.keys().filter(silent).collect();
    println!("abidiff exits 0 on {} mutations that break filters: {silent:?}", silent.len());
    assert!(silent.len() >= 2, "{silent:?}");
}

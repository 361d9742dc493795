//! A description from a C header: clang compiles it, and the BTF of the object has its types.
//!
//! clang describes only what a source uses, so the source that includes the header has a variable
//! of every struct and enumeration that the header defines, and code that takes the address of
//! every function. What a reader would get wrong: macros are in no BTF, so constants are not known
//! of a header.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::cli::exit::{Exit, Failure};

/// Names that clang goes by, the plain one first.
const COMPILERS: [&str; 5] = ["clang", "clang-20", "clang-19", "clang-18", "clang-17"];

/// What a header defines by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Definitions {
    /// `struct x` and `enum x` with a body.
    types: BTreeSet<String>,
    /// Functions that are declared `extern`.
    functions: BTreeSet<String>,
}

impl Definitions {
    /// Reads the definitions at the outermost level. Text that is no C defines nothing.
    fn of(text: &str) -> Definitions {
        let mut found = Definitions::default();
        let mut depth = 0_usize;
        let mut words: Vec<String> = Vec::new();
        for token in tokens(text) {
            match token.as_str() {
                "{" => {
                    if let (0, [.., kind, name]) = (depth, words.as_slice())
                        && matches!(kind.as_str(), "struct" | "union" | "enum")
                    {
                        found.types.insert(format!("{kind} {name}"));
                    }
                    depth += 1;
                }
                "}" => depth = depth.saturating_sub(1),
                ";" if depth == 0 => words.clear(),
                "(" if depth == 0 => {
                    if let [first, .., name] = words.as_slice()
                        && first == "extern"
                        && is_name(name)
                    {
                        found.functions.insert(name.clone());
                    }
                    words.clear();
                }
                _ if depth == 0 => words.push(token),
                _ => {}
            }
        }
        found
    }

    /// A source that uses all of them.
    fn source(&self, header: &str) -> String {
        let mut source = format!("#include \"{header}\"\n");
        for (number, name) in self.types.iter().enumerate() {
            let _infallible = writeln!(source, "{name} fuserig_type_{number};");
        }
        if !self.functions.is_empty() {
            source.push_str("void fuserig_functions(void **volatile uses)\n{\n");
            for name in &self.functions {
                let _infallible = writeln!(source, "*uses++ = (void *){name};");
            }
            source.push_str("}\n");
        }
        source
    }
}

fn is_name(word: &str) -> bool {
    word.chars().all(|letter| letter == '_' || letter.is_ascii_alphanumeric())
}

/// Words and single marks, without comments and lines of the preprocessor.
fn tokens(text: &str) -> Vec<String> {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((code, comment)) = rest.split_once("/*") {
        plain.push_str(code);
        rest = comment.split_once("*/").map_or("", |(_, behind)| behind);
    }
    plain.push_str(rest);
    let lines = plain.lines().map(|line| line.split("//").next().unwrap_or(line));
    let mut found = Vec::new();
    for line in lines.filter(|line| !line.trim_start().starts_with('#')) {
        let mut word = String::new();
        for letter in line.chars().chain([' ']) {
            if is_name(letter.encode_utf8(&mut [0; 4])) {
                word.push(letter);
                continue;
            }
            if !word.is_empty() {
                found.push(core::mem::take(&mut word));
            }
            if !letter.is_whitespace() {
                found.push(letter.to_string());
            }
        }
    }
    found
}

/// The object that clang makes of a header.
pub(super) fn compile(path: &Path, text: &str) -> Result<Vec<u8>, Failure> {
    let definitions = Definitions::of(text);
    if definitions == Definitions::default() {
        let message = format!("{}: the header defines no struct and no enum", path.display());
        return Err(Failure::new(Exit::Unreadable, message));
    }
    let Ok(header) = std::path::absolute(path) else {
        let message = format!("{}: the path of the header has no absolute form", path.display());
        return Err(Failure::new(Exit::Unreadable, message));
    };
    let source = definitions.source(&header.display().to_string());
    for name in COMPILERS {
        let child = Command::new(name)
            .args(["-target", "bpf", "-g", "-O2", "-w", "-x", "c", "-c", "-", "-o", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut child) = child else { continue };
        if let Some(mut input) = child.stdin.take() {
            // A compiler that ends early says why on its other end.
            let _closed = input.write_all(source.as_bytes());
        }
        let output = child.wait_with_output().map_err(|error| Failure::input(path, &error))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let first = said.lines().find(|line| line.contains("error")).unwrap_or("no reason given");
        let message = format!("{}: {name} refuses the header: {first}", path.display());
        return Err(Failure::new(Exit::Unreadable, message));
    }
    let message = format!(
        "{}: a C header needs clang, which is not installed; give BTF, an object or the canonical \
         text instead",
        path.display()
    );
    Err(Failure::new(Exit::Missing, message))
}

#[cfg(test)]
mod tests {
    use super::Definitions;

    #[test]
    fn definitions_of_the_outermost_level_are_found() {
        let text = "/* struct no { */\n#define struct_x struct y {\n\
                    struct fuse_x { struct inner { int a; } b; }; // struct neither {\n\
                    enum kind { A, B };\ntypedef struct { int c; } unnamed_t;\nstruct later;\n\
                    extern int do_it(struct fuse_x *x)\n\t__attribute__((section(\".ksyms\")));\n\
                    static int inline_one(void) { return 0; }\n";
        let found = Definitions::of(text);
        assert_eq!(found.types.iter().collect::<Vec<_>>(), ["enum kind", "struct fuse_x"]);
        assert_eq!(found.functions.iter().collect::<Vec<_>>(), ["do_it"]);
        assert_eq!(Definitions::of("}}{{ struct"), Definitions::default());
    }
}

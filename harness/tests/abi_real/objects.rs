//! The cases of `data/struct_ops/cases.txt` as C sources, and the sources as objects.

use std::path::{Path, PathBuf};
use std::process::Command;

const CASES: &str = include_str!("../data/struct_ops/cases.txt");

/// What is said to an object: the call that fails, or `ok`, and the error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) call: String,
    pub(crate) errno: String,
}

impl Outcome {
    pub(crate) fn new(call: &str, errno: &str) -> Outcome {
        Outcome { call: call.to_owned(), errno: errno.to_owned() }
    }

    fn read(words: &[&str]) -> Outcome {
        match words {
            ["ok", ..] => Outcome::new("ok", ""),
            [call, errno, ..] => Outcome::new(call, errno),
            _ => panic!("no outcome: {words:?}"),
        }
    }
}

/// An outcome with the rules that say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) outcome: Outcome,
    pub(crate) rules: Vec<String>,
}

/// A mutation.
pub(crate) struct Case {
    pub(crate) name: String,
    edits: Vec<(String, String)>,
    /// Before libbpf 1.4, and from it on.
    pub(crate) expected: [Option<Expected>; 2],
    /// What only a kernel knows.
    pub(crate) beyond: Option<Outcome>,
    /// Whether libbpf must know sections of links.
    pub(crate) link: bool,
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in CASES.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix("case ") {
            let (name, edits) = (name.to_owned(), Vec::new());
            cases.push(Case { name, edits, expected: [None, None], beyond: None, link: false });
            continue;
        }
        let case = cases.last_mut().expect("a case comes first");
        let words: Vec<&str> = line.split(' ').collect();
        match words[0] {
            ">" | ">old" | ">new" => {
                let rules = words.iter().filter(|word| word.starts_with("load-"));
                let rules = rules.map(|word| (*word).to_owned()).collect();
                let expected = Expected { outcome: Outcome::read(&words[1..]), rules };
                for (index, word) in [">old", ">new"].into_iter().enumerate() {
                    if words[0] == ">" || words[0] == word {
                        case.expected[index] = Some(expected.clone());
                    }
                }
            }
            "!" => case.beyond = Some(Outcome::read(&words[1..])),
            "link" => case.link = true,
            edit => case.edits.push((edit.to_owned(), words[1..].join(" "))),
        }
    }
    cases
}

/// A source that grows by edits.
struct Source {
    type_name: &'static str,
    /// Members with their declarations, in order.
    members: Vec<(String, String)>,
    /// Members with their values, in order.
    values: Vec<(String, String)>,
    suffix: String,
    section: String,
    license: String,
    twin: Option<String>,
    functions: String,
    call: String,
}

const TCP: [(&str, &str, &str); 4] = [
    ("ssthresh", "u32 (*ssthresh)(struct sock *sk);", "(void *)thresh"),
    ("cong_avoid", "void (*cong_avoid)(struct sock *sk, u32 ack, u32 acked);", "(void *)avoid"),
    ("undo_cwnd", "u32 (*undo_cwnd)(struct sock *sk);", "(void *)undo"),
    ("name", "char name[16];", "\"fuserig_base\""),
];
const DUMMY: [(&str, &str, &str); 1] =
    [("test_1", "int (*test_1)(struct bpf_dummy_ops_state *cb);", "(void *)undo")];

impl Source {
    fn new(case: &Case) -> Source {
        let is_dummy = case.edits.iter().any(|edit| edit.0 == "type");
        let base = if is_dummy { &DUMMY[..] } else { &TCP[..] };
        let mut source = Source {
            type_name: if is_dummy { "bpf_dummy_ops" } else { "tcp_congestion_ops" },
            members: Vec::new(),
            values: Vec::new(),
            suffix: String::new(),
            section: ".struct_ops".into(),
            license: "GPL".into(),
            twin: None,
            functions: String::new(),
            call: String::new(),
        };
        for (key, declaration, value) in base {
            source.members.push(((*key).into(), (*declaration).into()));
            source.values.push(((*key).into(), format!(".{key} = {value},")));
        }
        for (edit, text) in &case.edits {
            source.edit(edit, text);
        }
        source
    }

    fn edit(&mut self, edit: &str, text: &str) {
        let in_section = |section: &str| {
            format!(
                "__attribute__((section(\"{section}\"), used)) int {text}(u64 *ctx) \
                 {{ return 3; }}\n"
            )
        };
        match edit {
            "type" => {}
            "drop" => {
                self.members.retain(|member| member.0 != text);
                self.values.retain(|value| value.0 != text);
            }
            "unset" => self.values.retain(|value| value.0 != text),
            "first" => self.members.sort_by_key(|member| member.0 != text),
            "replace" => {
                let (key, declaration) = text.split_once(' ').expect("a member and its text");
                let found = self.members.iter_mut().find(|member| member.0 == key);
                declaration.clone_into(&mut found.expect("a member of the base").1);
            }
            "member" => self.members.push((String::new(), text.to_owned())),
            "init" => {
                let key = text.trim_start_matches('.').split(' ').next().expect("a member");
                self.values.retain(|value| value.0 != key);
                self.values.push((key.to_owned(), text.to_owned()));
            }
            "suffix" => text.clone_into(&mut self.suffix),
            "section" => text.clone_into(&mut self.section),
            "license" => text.clone_into(&mut self.license),
            "twin" => self.twin = Some(text.to_owned()),
            "program" => self.functions.push_str(&in_section(&format!("struct_ops/{text}"))),
            "socket" => self.functions.push_str(&in_section("socket")),
            "plain" => self.functions.push_str(&format!(
                "__attribute__((noinline)) int {text}(u64 *ctx) {{ return 3; }}\n"
            )),
            "kfunc" | "weak" => {
                let name = text.split(['(', ' ']).nth(1).expect("a return type and a name");
                let (weak, check) = match edit {
                    "weak" => (", weak", format!("if ({name}) ")),
                    _ => ("", String::new()),
                };
                self.functions.push_str(&format!(
                    "extern {text} __attribute__((section(\".ksyms\"){weak}));\n"
                ));
                self.call = format!("{check}{name}();");
            }
            other => panic!("there is no edit `{other}`"),
        }
    }

    fn c(&self) -> String {
        let values: Vec<&str> = self.values.iter().map(|value| value.1.as_str()).collect();
        let values = values.join(" ");
        let mut text = format!(
            "typedef unsigned int u32; typedef unsigned long long u64;\n\
             struct sock; struct module; struct rate_sample; struct bpf_dummy_ops_state;\n\
             __attribute__((section(\"license\"), used)) char LICENSE[] = \"{}\";\n{}",
            self.license, self.functions
        );
        for name in ["thresh", "avoid", "undo"] {
            if values.contains(&format!("*){name},")) {
                let call = if name == "undo" { self.call.as_str() } else { "" };
                text.push_str(&format!(
                    "__attribute__((section(\"struct_ops/{name}\"), used)) int {name}(u64 *ctx) \
                     {{ {call} return 2; }}\n"
                ));
            }
        }
        let of = format!("{}{}", self.type_name, self.suffix);
        text.push_str(&format!("struct {of} {{\n"));
        for (_, declaration) in &self.members {
            text.push_str(&format!("\t{declaration}\n"));
        }
        text.push_str("};\n");
        let mut table = |variable: &str, values: &str| {
            text.push_str(&format!(
                "__attribute__((section(\"{}\"), used)) struct {of} {variable} = {{ {values} }};\n",
                self.section
            ));
        };
        table("mine", &values);
        if let Some(twin) = &self.twin {
            table("twin", &values.replace("fuserig_base", twin));
        }
        text
    }
}

/// The compiler for BPF, or the reason why there is none.
pub(crate) fn clang() -> Result<&'static str, String> {
    let runs = |name: &&str| Command::new(name).arg("--version").output().is_ok();
    ["clang-19", "clang"].into_iter().find(runs).ok_or_else(|| "clang is not installed".to_owned())
}

/// The objects of all cases, in their order.
pub(crate) fn build(directory: &Path, cases: &[Case]) -> Result<Vec<PathBuf>, String> {
    let clang = clang()?;
    let mut objects = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let source = directory.join(format!("case{number:02}.bpf.c"));
        let object = directory.join(format!("case{number:02}.o"));
        std::fs::write(&source, Source::new(case).c()).expect("it is written");
        let output = Command::new(clang)
            .args(["-target", "bpf", "-mcpu=v3", "-g", "-O2", "-w", "-c"])
            .args([source.as_path(), Path::new("-o"), &object])
            .output()
            .expect("clang ran before");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", case.name);
        objects.push(object);
    }
    Ok(objects)
}

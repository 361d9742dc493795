//! Does this filter load? The simulated rules against the table of cases, and both against libbpf
//! and the running kernel.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use fuserig::gate::{LOAD_IDS, Libbpf, Refusal, refusals};
use fuserig_abi::spec::{AbiSpec, BtfSelection, Knowledge};
use fuserig_filters::object::{btf_of, declared};

use super::debian;
use super::objects::{Case, Outcome, build, cases};
use super::support::print_skip;

const AGES: [Libbpf; 2] = [Libbpf::Before14, Libbpf::Since14];
const TYPES: [&str; 2] = ["tcp_congestion_ops", "bpf_dummy_ops"];
const LOADER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/struct_ops/loader.c");

/// What the simulation says: the outcome, and the rules.
fn simulated(object: &Path, abi: &AbiSpec, age: Libbpf) -> (Outcome, BTreeSet<String>) {
    let bytes = std::fs::read(object).expect("clang wrote it");
    let found = refusals("x.o", &declared(&bytes).expect("an object"), abi, age);
    let outcome = |first: &Refusal| Outcome::new(first.step.call(), first.errno);
    let rules = found.iter().map(|refusal| refusal.finding.rule.clone()).collect();
    (found.first().map_or(Outcome::new("ok", ""), outcome), rules)
}

/// Every case in both ages; gives what differs from the table.
fn against_the_table(cases: &[Case], objects: &[PathBuf], abi: &AbiSpec) -> String {
    let mut wrong = String::new();
    for (case, object) in cases.iter().zip(objects) {
        for (age, expected) in AGES.into_iter().zip(&case.expected) {
            let expected = expected.as_ref().expect("a case is about both");
            let (outcome, rules) = simulated(object, abi, age);
            let wanted: BTreeSet<String> = expected.rules.iter().cloned().collect();
            if outcome != expected.outcome || rules != wanted {
                wrong.push_str(&format!("{} ({age:?}): {outcome:?} {rules:?}\n", case.name));
            }
        }
    }
    wrong
}

#[test]
fn the_simulation_says_what_the_table_says() {
    let cases = cases();
    assert!(cases.len() >= 60, "{} cases", cases.len());
    let directory = tempfile::tempdir().expect("a directory");
    let objects = match build(directory.path(), &cases) {
        Ok(objects) => objects,
        Err(reason) => return print_skip(&format!("build struct_ops objects: {reason}")),
    };
    let kernel = include_str!("../data/struct_ops/kernel.abi");
    let kernel = AbiSpec::parse(kernel).expect("it is checked in");
    assert_eq!(against_the_table(&cases, &objects, &kernel), "");
    let hit = cases.iter().flat_map(|case| case.expected.iter().flatten());
    let hit: BTreeSet<&str> = hit.flat_map(|one| one.rules.iter().map(String::as_str)).collect();
    let all: BTreeSet<&str> = LOAD_IDS.iter().map(|(id, _)| *id).collect();
    // An object without a table, and a kernel function with another prototype, are elsewhere.
    let elsewhere = BTreeSet::from(["load-empty", "load-kfunc-prototype"]);
    assert_eq!(all.difference(&hit).copied().collect::<BTreeSet<_>>(), elsewhere);
}

/// The running kernel's description of both types, or the reason why there is none.
fn running() -> Result<AbiSpec, String> {
    let bytes = std::fs::read("/sys/kernel/btf/vmlinux")
        .map_err(|error| format!("this kernel shows no BTF: {error}"))?;
    let btf = btf_of(&bytes).expect("a kernel's BTF");
    let roots = TYPES.map(str::to_owned).to_vec();
    let selection = BtfSelection { roots, depth: 0 };
    let (mut spec, absent) = AbiSpec::from_btf(&btf, "vmlinux", &selection).expect("two types");
    spec.knows.insert(Knowledge::Kfuncs);
    match absent.as_slice() {
        [] => Ok(spec),
        absent => Err(format!("this kernel has no {}", absent.join(" and no "))),
    }
}

/// Compiles the loader against a libbpf below `prefix`, and loads all objects.
fn load(prefix: &Path, directory: &Path, objects: &[PathBuf]) -> Result<Loaded, String> {
    let header = prefix.join("include/bpf/libbpf.h");
    if !header.exists() {
        return Err(format!("{} is absent: libbpf's headers", header.display()));
    }
    let program = directory.join("loader");
    let library = prefix.join("lib/x86_64-linux-gnu");
    let output = Command::new("cc")
        .arg(format!("-I{}", prefix.join("include").display()))
        .args([Path::new(LOADER), Path::new("-o"), &program])
        .arg(format!("-L{}", library.display()))
        .arg(format!("-Wl,-rpath,{}", library.display()))
        .arg("-lbpf")
        .output()
        .map_err(|error| format!("cc: {error}"))?;
    if !output.status.success() {
        return Err(format!("link libbpf: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let output = Command::new(&program).args(objects).output().expect("it was linked");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    let mut lines = text.lines();
    let version = lines.next().and_then(|line| line.strip_prefix("libbpf ")).expect("a version");
    let (major, minor) = version.split_once('.').expect("two numbers");
    let version = (major.parse().expect("a number"), minor.parse().expect("a number"));
    let said = lines.map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        Outcome::new(words[1], errno_name(words[2]))
    });
    Ok(Loaded { version, outcomes: said.collect() })
}

struct Loaded {
    version: (u32, u32),
    outcomes: Vec<Outcome>,
}

fn errno_name(number: &str) -> &str {
    match number {
        "0" => "",
        "1" => "EPERM",
        "2" => "ENOENT",
        "3" => "ESRCH",
        "17" => "EEXIST",
        "22" => "EINVAL",
        "95" => "ENOTSUP",
        "524" => "ENOTSUPP",
        other => other,
    }
}

/// Two arms: what libbpf below `prefix` and the running kernel say to every case, and what the
/// simulation says over the running kernel's own types.
fn compare(prefix: &Path) -> Result<String, String> {
    let kernel = running()?;
    if !rustix::process::geteuid().is_root() {
        return Err("bpf() needs root".to_owned());
    }
    let directory = tempfile::tempdir().expect("a directory");
    let cases = cases();
    let objects = build(directory.path(), &cases)?;
    let Loaded { version, outcomes } = load(prefix, directory.path(), &objects)?;
    if outcomes[0].errno == "EPERM" {
        return Err("bpf() is not permitted here".to_owned());
    }
    assert_eq!(outcomes.len(), cases.len());
    let age = if version < (1, 4) { 0 } else { 1 };
    let (mut wrong, mut compared) = (String::new(), 0);
    for ((case, object), real) in cases.iter().zip(&objects).zip(&outcomes) {
        if case.link && version < (1, 2) {
            continue;
        }
        compared += 1;
        let expected = case.expected[age].as_ref().expect("a case is about both");
        let table = case.beyond.as_ref().unwrap_or(&expected.outcome);
        let (outcome, _) = simulated(object, &kernel, AGES[age]);
        if real != table || outcome != expected.outcome {
            wrong.push_str(&format!(
                "{}: libbpf {version:?} and the kernel say {real:?}, the table {table:?}, the \
                 simulation {outcome:?}\n",
                case.name
            ));
        }
    }
    assert_eq!(wrong, "");
    Ok(format!("{compared} cases with libbpf {}.{}", version.0, version.1))
}

#[test]
fn the_installed_libbpf_and_the_kernel_say_the_same() {
    match compare(Path::new("/usr")) {
        Ok(done) => println!("{done}"),
        Err(reason) => print_skip(&format!("ask libbpf and the kernel: {reason}")),
    }
}

/// Debian 12 has libbpf 1.1, and 1.4 among its backports: the rules changed between them.
#[test]
fn the_libbpf_of_debian_backports_and_the_kernel_say_the_same() {
    let result = debian::library("bookworm-backports", &["libbpf1", "libbpf-dev"])
        .and_then(|prefix| compare(&prefix));
    match result {
        Ok(done) => println!("{done}"),
        Err(reason) => print_skip(&format!("ask another libbpf and the kernel: {reason}")),
    }
}

//! Sources that were written once compile for two ABIs with the header of `abi shim`, and load on
//! both: the filter library on v3 and v4, and a source of plain functions on `v3-grouped` as well.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use fuserig_abi::description::{Description, built_in};
use fuserig_abi::{c_header, c_shim};

/// A directory of headers for each ABI: its own, libbpf's, and the one between.
struct Headers {
    directory: tempfile::TempDir,
}

impl Headers {
    fn new(from: &str, to: &str) -> Headers {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let shim = c_shim(from, to).expect("a pair");
        for abi in [from, to] {
            let below = directory.path().join(abi);
            std::fs::create_dir(&below).expect("made");
            let table = Description::parse(built_in(abi).expect("built in")).expect("it reads");
            let all = "#include \"abi.h\"\n#include <bpf/bpf_helpers.h>\n\
                       #include <bpf/bpf_tracing.h>\n#include \"shim.h\"\n";
            for (name, text) in
                [("abi.h", c_header(&table).as_str()), ("shim.h", &shim), ("vmlinux.h", all)]
            {
                std::fs::write(below.join(name), text).expect("written");
            }
        }
        Headers { directory }
    }

    /// Compiles with every warning as an error, and returns the object.
    fn compile(&self, abi: &str, source: &Path) -> Result<Vec<u8>, String> {
        let object = self.directory.path().join("built.o");
        let output = Command::new("clang-19")
            .args(["-target", "bpf", "-mcpu=v3", "-g", "-O2", "-Wall", "-Wextra", "-Werror"])
            .arg("-Wno-unused-parameter")
            .arg(format!("-I{}", self.directory.path().join(abi).display()))
            .args([Path::new("-c"), source, Path::new("-o"), &object])
            .output()
            .map_err(|error| error.to_string())?;
        match output.status.success() {
            true => Ok(std::fs::read(&object).expect("clang wrote it")),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }
}

fn can_compile(what: &str) -> bool {
    let clang = Command::new("clang-19").arg("--version").output().is_ok();
    let libbpf = Path::new("/usr/include/bpf/bpf_helpers.h").exists();
    if !clang || !libbpf {
        let reason = format!("{what}: clang-19 and libbpf's headers are not installed");
        support::print_skip(&reason);
    }
    clang && libbpf
}

fn library() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../filters/bpf");
    let entries = std::fs::read_dir(directory).expect("the library is there");
    let mut sources: Vec<PathBuf> = entries
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| path.to_string_lossy().ends_with(".bpf.c"))
        .filter(|path| {
            let name = path.to_string_lossy();
            ![".android.", ".grouped."].iter().any(|other| name.contains(other))
        })
        .collect();
    sources.sort();
    sources
}

fn portable() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/shim/portable.bpf.c")
}

#[test]
fn the_library_compiles_for_v3_and_v4_with_the_header_between() {
    if !can_compile("compile the library with the shim") {
        return;
    }
    let headers = Headers::new("v3", "v4");
    let sources = library();
    assert!(sources.len() >= 10, "{sources:?}");
    for source in sources.iter().chain([&portable()]) {
        for abi in ["v3", "v4"] {
            let built = headers.compile(abi, source);
            assert!(built.is_ok(), "{} for {abi}:\n{}", source.display(), built.unwrap_err());
        }
    }
}

#[test]
fn plain_functions_become_members_or_families() {
    if !can_compile("compile plain functions for three ABIs") {
        return;
    }
    for (abi, headers, programs) in [
        ("v3", Headers::new("v3", "v4"), 5),
        ("v4", Headers::new("v3", "v4"), 5),
        // Two families stay empty: what none of the functions is about is not set.
        ("v3-grouped", Headers::new("v3", "v3-grouped"), 3),
    ] {
        let object =
            headers.compile(abi, &portable()).unwrap_or_else(|text| panic!("{abi}: {text}"));
        let table = fuserig_filters::object::declared(&object).expect("clang made it");
        let [ops] = &table.ops[..] else { panic!("{abi}: one table: {table:?}") };
        assert_eq!(ops.variable, "portable");
        let set = ops.members.iter().filter(|member| member.program.is_some()).count();
        assert_eq!(set, programs, "{abi}: {ops:?}");
    }
}

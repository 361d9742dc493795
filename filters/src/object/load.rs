//! From the bytes of an object to a [`Linked`] value, step by step.

use fuserig_abi::Abi;
use fuserig_abi::btf::Btf;

use super::code::Code;
use super::elf::Elf;
use super::error::{LoadError, LoadPlace, LoadProblem, at, in_section};
use super::ext::{EXT, Ext};
use super::kernel::KernelSymbols;
use super::maps::Maps;
use super::target::LoadTarget;
use super::{core, ext, link, relocate, struct_ops};
use crate::program::Linked;
use crate::vet::vet;

/// Most bytes of an object; clang's largest filters have some 100 KiB.
const OBJECT_MAX: usize = 64 << 20;

/// Loads an object for a version with a pipeline.
///
/// ```
/// use fuserig_abi::Abi;
/// use fuserig_filters::object::load;
/// let error = load(b"", Abi::V4).unwrap_err();
/// assert!(error.to_string().contains("clang -target bpf"));
/// ```
///
/// # Errors
/// What stands in the way, where, and what to do about it.
pub fn load(bytes: &[u8], abi: Abi) -> Result<Linked, LoadError> {
    load_for(bytes, LoadTarget::of(abi))
}

/// Loads an object for any ABI.
///
/// # Errors
/// As [`load`].
pub fn load_for(bytes: &[u8], target: &LoadTarget) -> Result<Linked, LoadError> {
    if bytes.len() > OBJECT_MAX {
        let problem = LoadProblem::Limit { what: "bytes", limit: OBJECT_MAX };
        return Err(at(LoadPlace::Object, problem));
    }
    let elf = Elf::read(bytes)?;
    let btf = read_btf(&elf)?;
    let btf = btf.as_ref();
    let ext = read_ext(&elf, btf)?;
    let maps = Maps::read(&elf, btf)?;
    let mut code = Code::read(&elf)?;
    let mut kernel = KernelSymbols::new(target, btf);
    let with_lines = |error: LoadError| with_line(error, &ext, btf);
    relocate::relocate(&elf, &mut code, &maps, &mut kernel).map_err(with_lines)?;
    if let Some(btf) = btf {
        core::relocate(&mut code, &ext, btf, &target.btf).map_err(with_lines)?;
    }
    let programs = link::programs(&code, &ext, btf)?;
    let struct_ops = struct_ops::read(&elf, btf, &code, &programs, target)?;
    let license = license(&elf);
    let kfuncs = kernel.names;
    let linked = Linked { programs, maps: maps.defs, kfuncs, struct_ops, license };
    check_registration(&linked)?;
    Ok(linked)
}

pub(super) fn read_btf(elf: &Elf<'_>) -> Result<Option<Btf>, LoadError> {
    let Some(index) = elf.find(".BTF") else { return Ok(None) };
    let section = &elf.sections[index];
    Btf::read(section.bytes)
        .map(Some)
        .map_err(|error| in_section(section.name, LoadProblem::Btf(error)))
}

fn read_ext(elf: &Elf<'_>, btf: Option<&Btf>) -> Result<Ext, LoadError> {
    match (elf.find(EXT), btf) {
        (Some(index), Some(btf)) => ext::read(elf.sections[index].bytes, btf),
        _ => Ok(Ext::default()),
    }
}

/// The text of the section `license` up to its NUL.
pub(super) fn license(elf: &Elf<'_>) -> String {
    let bytes = elf.find("license").map_or(&[][..], |index| elf.sections[index].bytes);
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or(&[]);
    String::from_utf8_lossy(text).into_owned()
}

/// What a kernel checks beyond a single variable (SEMANTICS 6.3 and 6.4).
fn check_registration(linked: &Linked) -> Result<(), LoadError> {
    for (index, one) in linked.struct_ops.iter().enumerate() {
        let before = linked.struct_ops[..index].iter().find(|before| before.name == one.name);
        if let Some(before) = before {
            let problem =
                format!("{} registers the name {} as well; rename one", before.symbol, one.name);
            let problem = LoadProblem::StructOps { problem, errno: "EEXIST" };
            return Err(at(LoadPlace::Symbol(one.symbol.clone()), problem));
        }
    }
    let needs_gpl = !linked.struct_ops.is_empty();
    if needs_gpl && !is_gpl_compatible(&linked.license) {
        let problem = format!(
            "struct_ops programs need a licence that is compatible with the GPL, and this is \
             `{}`; write char _license[] SEC(\"license\") = \"GPL\"",
            linked.license
        );
        let problem = LoadProblem::StructOps { problem, errno: "EINVAL" };
        return Err(at(LoadPlace::Section("license".to_owned()), problem));
    }
    Ok(())
}

/// The list of the kernel's `license_is_gpl_compatible`.
pub(super) fn is_gpl_compatible(license: &str) -> bool {
    const COMPATIBLE: [&str; 6] = [
        "GPL",
        "GPL v2",
        "GPL and additional rights",
        "Dual BSD/GPL",
        "Dual MIT/GPL",
        "Dual MPL/GPL",
    ];
    COMPATIBLE.contains(&license)
}

/// Adds file and line to an error at an instruction.
fn with_line(mut error: LoadError, ext: &Ext, btf: Option<&Btf>) -> LoadError {
    if let (LoadPlace::Insn { section, insn, line, .. }, Some(btf)) = (error.place_mut(), btf) {
        let records = ext.lines.get(section).map_or(&[][..], |records| records);
        let after = records.partition_point(|record| (record.offset / 8) as usize <= *insn);
        if let Some(record) = records[..after].last() {
            *line = Some((link::file_name(btf.str(record.file)), record.line));
        }
    }
    error
}

/// What the fuzzer calls: any bytes, and no panic.
#[doc(hidden)]
pub fn fuzz_entry(bytes: &[u8]) {
    for target in ["v3", "v4", "v3-grouped", "android"].map(LoadTarget::built_in) {
        let target = target.expect("built in");
        match load_for(bytes, target) {
            Ok(linked) => {
                for program in &linked.programs {
                    assert!(!program.functions.is_empty(), "a program has its main function");
                }
                if let Some(abi) = Abi::from_name(target.name()) {
                    assert_eq!(vet(&linked, abi), vet(&linked, abi), "a check has one outcome");
                }
            }
            Err(error) => assert!(!error.to_string().is_empty(), "an error has a text"),
        }
    }
}

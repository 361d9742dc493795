//! Where a description comes from: a built-in name, a file (a C header too), or the running kernel.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fuserig_abi::btf::Btf;
use fuserig_abi::spec::{AbiSpec, BtfSelection, Knowledge};
use fuserig_filters::object::btf_of;

use super::c_header;
use crate::cli::exit::{Exit, Failure};
use crate::cli::files;
use crate::cli::output::Terminal;
use crate::cli::progress::Advance;

/// The running kernel's type information.
const RUNNING: &str = "/sys/kernel/btf/vmlinux";

/// A description, or type information that one can be taken from.
pub(super) enum Source {
    /// All of it.
    Spec(Box<AbiSpec>),
    /// A kernel, of which only roots are taken.
    Btf { name: String, btf: Box<Btf> },
}

/// Reads what a user named.
pub(super) fn read(name: &str) -> Result<Source, Failure> {
    if let Some(spec) = AbiSpec::built_in(name) {
        return Ok(Source::Spec(Box::new(spec)));
    }
    let path = match name {
        "vmlinux" if !Path::new(name).exists() => PathBuf::from(RUNNING),
        name => PathBuf::from(name),
    };
    if !path.exists() {
        let message = format!(
            "{name}: no built-in ABI (see `fuserig abi list`) and no file of that name{}",
            if name == "vmlinux" { "; this kernel shows no BTF" } else { "" }
        );
        return Err(Failure::new(Exit::Unreadable, message));
    }
    let bytes = files::read_all(&path)?;
    if bytes.starts_with(&[0x9f, 0xeb]) || bytes.starts_with(b"\x7fELF") {
        let btf = btf_of(&bytes).map_err(|error| Failure::input(&path, &error))?;
        return Ok(Source::Btf { name: name.to_owned(), btf: Box::new(btf) });
    }
    let text = String::from_utf8(bytes).map_err(|error| Failure::input(&path, &error))?;
    if path.extension().is_some_and(|extension| extension == "h") {
        let object = c_header::compile(&path, &text)?;
        let btf = btf_of(&object).map_err(|error| Failure::input(&path, &error))?;
        return Ok(Source::Btf { name: name.to_owned(), btf: Box::new(btf) });
    }
    let spec = match text.trim_start().starts_with('{') {
        true => AbiSpec::from_json(&text),
        false => AbiSpec::parse(&text),
    };
    spec.map(|spec| Source::Spec(Box::new(spec))).map_err(|error| Failure::input(&path, &error))
}

/// One description; of a kernel, only the roots.
pub(super) fn one(name: &str, roots: &[String]) -> Result<AbiSpec, Failure> {
    match read(name)? {
        Source::Spec(spec) => Ok(*spec),
        Source::Btf { name, btf } => {
            let selection = BtfSelection { roots: roots.to_vec(), depth: 0 };
            Ok(take(&btf, &name, &selection)?.0)
        }
    }
}

/// Descriptions of all of them over the same roots; what is nowhere is a usage error.
pub(super) fn specs(
    names: &[String],
    roots: &[String],
    depth: u32,
    terminal: &Terminal,
) -> Result<Vec<AbiSpec>, Failure> {
    let mut sources = Vec::new();
    for (done, name) in (0..).zip(names) {
        let (unit, total) = ("descriptions", Some(names.len() as u64));
        terminal.advance(&Advance { what: "read", unit, done, total });
        sources.push(read(name)?);
    }
    terminal.progress_end();
    let mut wanted: Vec<String> = roots.to_vec();
    if wanted.is_empty() {
        for source in &sources {
            if let Source::Spec(spec) = source {
                wanted.extend(spec.roots());
            }
        }
    }
    let first_btf = sources.iter().find_map(|source| match source {
        Source::Btf { name, btf } => Some((name, btf)),
        Source::Spec(_) => None,
    });
    if let (true, Some((name, btf))) = (wanted.is_empty(), first_btf) {
        let types = AbiSpec::ops_types(btf);
        let known = if types.is_empty() { "none".to_owned() } else { types.join(", ") };
        let message =
            format!("{name}: name what to look at with --root; its struct_ops types: {known}");
        return Err(Failure::new(Exit::Usage, message));
    }
    wanted.sort_unstable();
    wanted.dedup();
    let selection = BtfSelection { roots: wanted.clone(), depth };
    let mut specs = Vec::new();
    // A root must be somewhere: in a description, or in one of the kernels.
    let mut nowhere = wanted;
    for source in &sources {
        let spec = match source {
            Source::Spec(spec) => (**spec).clone(),
            Source::Btf { name, btf } => {
                let (spec, absent) = take(btf, name, &selection)?;
                nowhere.retain(|root| absent.contains(root));
                specs.push(spec);
                continue;
            }
        };
        let known = spec.roots();
        nowhere.retain(|root| !known.contains(root));
        specs.push(if roots.is_empty() { spec } else { restricted(spec, roots) });
    }
    complete(&sources, &mut specs)?;
    if let (Some(root), false) = (nowhere.first(), roots.is_empty()) {
        return Err(Failure::new(Exit::Usage, format!("--root {root}: in none of the ABIs")));
    }
    Ok(specs)
}

/// Describes roots in kernel type information, and gives back those that are absent.
fn take(
    btf: &Btf,
    name: &str,
    selection: &BtfSelection,
) -> Result<(AbiSpec, Vec<String>), Failure> {
    let (mut spec, absent) = AbiSpec::from_btf(btf, name, selection)
        .map_err(|error| Failure::input(Path::new(name), &error))?;
    spec.knows.insert(Knowledge::Kfuncs);
    for structure in &mut spec.structs {
        structure.wire = is_wire(&structure.name);
    }
    Ok((spec, absent))
}

/// Whether a struct of `linux/fuse.h` is what a request or a reply is made of. Type information
/// does not say so; the names of that header do.
fn is_wire(name: &str) -> bool {
    const OTHERS: [&str; 6] = [
        "fuse_attr",
        "fuse_dirent",
        "fuse_direntplus",
        "fuse_file_lock",
        "fuse_kstatfs",
        "fuse_statx",
    ];
    let ends = ["_in", "_out", "_header"].iter().any(|end| name.ends_with(end));
    name.starts_with("fuse_") && ends || OTHERS.contains(&name)
}

/// What was followed from a root in one kernel is described in the others too, though nothing
/// leads there: otherwise it would seem to be new.
fn complete(sources: &[Source], specs: &mut [AbiSpec]) -> Result<(), Failure> {
    let is_btf = |source: &Source| matches!(source, Source::Btf { .. });
    let taken = sources.iter().zip(&*specs).filter(|(source, _)| is_btf(source));
    let followed: BTreeSet<String> = taken
        .flat_map(|(_, spec)| &spec.structs)
        .map(|structure| structure.name.clone())
        .filter(|name| !name.is_empty())
        .collect();
    for (source, spec) in sources.iter().zip(specs) {
        let Source::Btf { name, btf } = source else { continue };
        let missing = followed.iter().filter(|name| spec.structure(name).is_none());
        let roots: Vec<String> = missing.cloned().collect();
        let (more, _absent) = take(btf, name, &BtfSelection { roots, depth: 0 })?;
        spec.structs.extend(more.structs);
    }
    Ok(())
}

/// A description of the roots alone.
fn restricted(mut spec: AbiSpec, roots: &[String]) -> AbiSpec {
    let is_root = |name: &String| roots.contains(name);
    spec.ops.retain(|ops| is_root(&ops.name));
    spec.structs.retain(|structure| is_root(&structure.name));
    spec.enums.retain(|enumeration| is_root(&enumeration.name));
    spec.kfuncs.retain(|kfunc| is_root(&kfunc.name));
    spec.knows.clear();
    spec
}

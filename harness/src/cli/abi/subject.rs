//! A filter that is looked at: a built-in one, or an object.

use std::path::Path;

use fuserig_abi::Abi;
use fuserig_abi::diff::FilterUse;
use fuserig_abi::spec::AbiSpec;
use fuserig_abi::{AbiTable, SlotRow};
use fuserig_filters::Filter;
use fuserig_filters::object::{Declared, declared};

use crate::cli::exit::Failure;
use crate::cli::{adapt, files, filter};
use crate::gate::{Libbpf, load_findings};
use crate::report::Check;

/// A filter by name or by object.
pub(super) enum Subject {
    /// A built-in one, with its specification.
    Native(String),
    /// An object: its path, bytes and declarations.
    Object { path: String, bytes: Vec<u8>, declared: Box<Declared> },
}

impl Subject {
    pub(super) fn read(spec: &str) -> Result<Subject, Failure> {
        let path = Path::new(spec);
        if !path.exists() {
            filter::named(spec)?;
            return Ok(Subject::Native(spec.to_owned()));
        }
        let bytes = files::read_all(path)?;
        let declared = declared(&bytes).map_err(|error| Failure::input(path, &error))?;
        Ok(Subject::Object { path: spec.to_owned(), bytes, declared: Box::new(declared) })
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Subject::Native(spec) => spec,
            Subject::Object { path, .. } => path,
        }
    }

    /// The filter as the pipeline runs it on a version.
    pub(super) fn filter(&self, abi: Abi) -> Result<Box<dyn Filter>, String> {
        match self {
            Subject::Native(spec) => match filter::native(spec, abi) {
                Ok(Some(filter)) => Ok(filter),
                Ok(None) => Err("`none` is no filter".to_owned()),
                Err(failure) => Err(failure.message),
            },
            Subject::Object { bytes, .. } => {
                adapt::object(bytes, None, abi).map_err(|error| error.to_string())
            }
        }
    }

    /// What it uses of the ABI it is made for.
    pub(super) fn used(&self, baseline: &AbiSpec) -> Result<FilterUse, Failure> {
        match self {
            Subject::Native(spec) => {
                let abi = Abi::from_name(&baseline.name).unwrap_or(Abi::V4);
                let filter = filter::named(spec)?;
                let is_set =
                    |row: &&SlotRow| filter.as_ref().is_some_and(|filter| filter.has(row.slot));
                let rows = AbiTable::of(abi).slots().filter(is_set);
                let members: Vec<&str> = rows.map(|row| row.member.as_str()).collect();
                Ok(FilterUse::of_members(spec, "fuse_ops", members))
            }
            Subject::Object { path, declared, .. } => Ok(declared.used(path)),
        }
    }

    /// Whether it loads; a built-in one has nothing to load.
    pub(super) fn load_check(&self, version: &AbiSpec) -> Check {
        let suite = format!("loads on {}", version.name);
        match self {
            Subject::Native(spec) => Check::skipped(suite, spec, "it is no object"),
            Subject::Object { path, declared, .. } => {
                Check::new(suite, path, load_findings(path, declared, version, Libbpf::Since14))
            }
        }
    }
}

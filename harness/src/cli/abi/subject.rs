//! A filter that is looked at: a built-in one, or an object.

use fuserig_abi::Abi;
use fuserig_abi::diff::FilterUse;
use fuserig_abi::spec::AbiSpec;
use fuserig_abi::{AbiTable, SlotRow};
use fuserig_filters::Filter;
use fuserig_filters::object::{Declared, declared};

use crate::cli::exit::Failure;
use crate::cli::maker::FilterSpec;
use crate::cli::output::Terminal;
use crate::cli::progress::Advance;
use crate::gate::{Libbpf, load_findings};
use crate::report::Check;

/// A filter by name or by object.
pub(super) struct Subject {
    /// As the user spelled it.
    name: String,
    spec: FilterSpec,
    /// What an object declares.
    declared: Option<Box<Declared>>,
}

impl Subject {
    pub(super) fn read(name: &str) -> Result<Subject, Failure> {
        let spec = FilterSpec::read(name)?;
        let declared = match &spec {
            FilterSpec::Object { path, bytes, .. } => {
                let read = declared(bytes).map_err(|error| Failure::input(path, &error))?;
                Some(Box::new(read))
            }
            FilterSpec::None | FilterSpec::Native(_) => None,
        };
        Ok(Subject { name: name.to_owned(), spec, declared })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The filter as the pipeline runs it on a version.
    pub(super) fn filter(&self, abi: Abi) -> Result<Box<dyn Filter>, String> {
        let maker = self.spec.maker(abi).map_err(|error| error.to_string())?;
        maker.make().ok_or_else(|| "`none` is no filter".to_owned())
    }

    /// What it uses of the ABI it is made for.
    pub(super) fn used(&self, baseline: &AbiSpec) -> Result<FilterUse, Failure> {
        if let Some(declared) = &self.declared {
            return Ok(declared.used(&self.name));
        }
        let abi = Abi::from_name(&baseline.name).unwrap_or(Abi::V4);
        let filter = self.spec.maker_or_fail(abi)?.make();
        let is_set = |row: &&SlotRow| filter.as_ref().is_some_and(|filter| filter.has(row.slot));
        let rows = AbiTable::of(abi).slots().filter(is_set);
        let members: Vec<&str> = rows.map(|row| row.member.as_str()).collect();
        Ok(FilterUse::of_members(&self.name, "fuse_ops", members))
    }

    /// Whether it loads; a built-in one has nothing to load.
    pub(super) fn load_check(&self, version: &AbiSpec) -> Check {
        let suite = format!("loads on {}", version.name);
        match &self.declared {
            None => Check::skipped(suite, &self.name, "it is no object"),
            Some(declared) => {
                let findings = load_findings(&self.name, declared, version, Libbpf::Since14);
                Check::new(suite, &self.name, findings)
            }
        }
    }
}

/// Says how far a replay is.
pub(super) fn replayed(terminal: &Terminal) -> impl Fn(u64, u64) {
    move |done, total| {
        let total = Some(total);
        terminal.advance(&Advance { what: "replayed", unit: "calls", done, total });
    }
}

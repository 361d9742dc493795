//! Kernel functions and variables that an object declares.

use fuserig_abi::btf::{Btf, KindTag};

use super::core::types_are_compatible;
use super::error::LoadProblem;
use super::target::LoadTarget;

/// The kernel symbols that an object uses, in the order of their first use.
pub(super) struct KernelSymbols<'a> {
    pub(super) names: Vec<String>,
    target: &'a LoadTarget,
    btf: Option<&'a Btf>,
}

impl<'a> KernelSymbols<'a> {
    pub(super) fn new(target: &'a LoadTarget, btf: Option<&'a Btf>) -> KernelSymbols<'a> {
        KernelSymbols { names: Vec::new(), target, btf }
    }

    /// The index of a kernel function; none for a weak one that the ABI does not have.
    pub(super) fn index(&mut self, name: &str, weak: bool) -> Result<Option<i32>, LoadProblem> {
        let abi = self.target.name.clone();
        let Some(actual) = self.target.kfunc(name) else {
            if self.is_kconfig(name) {
                let feature = "kconfig variables";
                let instead = "a simulated kernel has no configuration; use a constant";
                return Err(LoadProblem::Unsupported { feature, instead });
            }
            if weak {
                return Ok(None);
            }
            let hint = self.target.kfunc_hint(name);
            return Err(LoadProblem::UnknownKernelSymbol { name: name.to_owned(), abi, hint });
        };
        let declared = self.btf.and_then(|btf| Some((btf, btf.find_kind(name, KindTag::Func)?)));
        if let Some((btf, declared)) = declared {
            let protos = (btf.kind(declared), self.target.btf.kind(actual));
            let (Some(ours), Some(theirs)) =
                (protos.0.and_then(|kind| kind.target()), protos.1.and_then(|kind| kind.target()))
            else {
                return Ok(None);
            };
            if !types_are_compatible(btf, ours, &self.target.btf, theirs) {
                return Err(LoadProblem::Prototype {
                    declared: btf.text(declared).to_string(),
                    abi,
                    actual: self.target.btf.text(actual).to_string(),
                });
            }
        }
        let known = self.names.iter().position(|known| known == name);
        let index = known.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        Ok(Some(i32::try_from(index).expect("an ABI has few kernel functions")))
    }

    fn is_kconfig(&self, name: &str) -> bool {
        let Some(btf) = self.btf else { return false };
        let Some(section) = btf.find_kind(".kconfig", KindTag::Datasec) else { return false };
        super::maps::variables(btf, section).any(|variable| variable.name == name)
    }
}

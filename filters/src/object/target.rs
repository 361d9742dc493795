//! What an object is loaded for: an ABI with its types and names.

use std::sync::LazyLock;

use fuserig_abi::btf::{Btf, KindTag, TypeId, generic_kfunc};
use fuserig_abi::description::{BUILT_IN, Description};
use fuserig_abi::{Abi, AbiTable};

/// The kernel side of a load.
///
/// ```
/// use fuserig_abi::Abi;
/// use fuserig_filters::object::LoadTarget;
/// assert_eq!(LoadTarget::of(Abi::V4).name(), "v4");
/// assert_eq!(LoadTarget::built_in("android").map(|target| target.name()), Some("android"));
/// ```
#[derive(Clone, Debug)]
pub struct LoadTarget {
    pub(super) name: String,
    pub(super) btf: Btf,
    /// The struct of callbacks; none where a filter is one program.
    pub(super) ops: Option<TypeId>,
    pub(super) ops_name: String,
    pub(super) name_member: String,
}

/// The targets in the order of [`BUILT_IN`].
static BUILT: LazyLock<Vec<LoadTarget>> = LazyLock::new(|| {
    let targets = BUILT_IN.iter().map(|(_, text)| {
        let description = Description::parse(text).expect("a test reads every built-in table");
        LoadTarget::from_description(&description)
    });
    targets.collect()
});

impl LoadTarget {
    /// A version with a pipeline.
    pub fn of(abi: Abi) -> &'static LoadTarget {
        LoadTarget::built_in(abi.name()).expect("every version with a pipeline is built in")
    }

    /// A built-in ABI by name.
    pub fn built_in(name: &str) -> Option<&'static LoadTarget> {
        BUILT.iter().find(|target| target.name == name)
    }

    /// An ABI by its table.
    pub fn from_table(table: &AbiTable) -> LoadTarget {
        LoadTarget::from_description(table.description())
    }

    /// An ABI by its description.
    pub fn from_description(description: &Description) -> LoadTarget {
        let btf = Btf::of_description(description);
        let ops_name = description.attach.r#struct.clone();
        let ops = match description.attach.kind.as_str() {
            "struct_ops" => btf.find_kind(&ops_name, KindTag::Struct),
            _ => None,
        };
        let name_member = description.attach.name_member.clone().unwrap_or_default();
        LoadTarget { name: description.abi.clone(), btf, ops, ops_name, name_member }
    }

    /// The name of the ABI.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The types of the ABI.
    pub fn btf(&self) -> &Btf {
        &self.btf
    }

    /// The kernel function with that name.
    pub(super) fn kfunc(&self, name: &str) -> Option<TypeId> {
        self.btf.find_kind(name, KindTag::Func)
    }

    /// What to do about a kernel function that this ABI does not have.
    pub(super) fn kfunc_hint(&self, name: &str) -> String {
        if let Some(kfunc) = generic_kfunc(name) {
            return match kfunc.refused {
                Some(refused) => refused.to_owned(),
                None => format!("{} have it", kfunc.versions.join(" and ")),
            };
        }
        let elsewhere = BUILT.iter().find(|target| target.kfunc(name).is_some());
        match elsewhere {
            Some(other) => format!("{} has it", other.name),
            None => "declare it __weak and test for it, or leave it out".to_owned(),
        }
    }
}

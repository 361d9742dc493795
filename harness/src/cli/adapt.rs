//! A filter of one ABI where the command line asks for another.

use fuserig_abi::Abi;
use fuserig_filters::engine::FilterError;
use fuserig_filters::object::{declared, load};
use fuserig_filters::program::{Linked, ProgramKind};
use fuserig_filters::{Filter, present};

/// A native filter of the posted versions as a filter of `abi`.
pub(super) fn native(filter: Box<dyn Filter>, abi: Abi) -> Box<dyn Filter> {
    present(filter, Abi::V4, abi)
}

/// The ABI to load an object on: the wanted one where its struct is of that, else the one whose
/// struct it has.
pub(super) fn own_abi(bytes: &[u8], wanted: Abi) -> Result<Abi, FilterError> {
    if wanted == Abi::Android && load(bytes, Abi::Android).is_ok_and(|linked| is_android(&linked)) {
        return Ok(Abi::Android);
    }
    let found = declared(bytes)?;
    let is_grouped = found.ops.first().is_some_and(|ops| ops.type_name == "fuse_grouped_ops");
    Ok(match (is_grouped, wanted) {
        (true, _) => Abi::V3Grouped,
        (false, Abi::V3Grouped | Abi::Android) => Abi::V3,
        (false, wanted) => wanted,
    })
}

/// Whether an object is a filter of Android and nothing else.
pub(super) fn is_for_android(bytes: &[u8]) -> bool {
    own_abi(bytes, Abi::Android).is_ok_and(|own| own == Abi::Android)
        && declared(bytes).is_ok_and(|found| found.ops.is_empty())
}

/// Whether an object has a program of Android's type.
fn is_android(linked: &Linked) -> bool {
    linked.programs.iter().any(|program| program.kind == ProgramKind::Android)
}

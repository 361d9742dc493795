//! ABI descriptions as people review them: the canonical text of each built-in one.

use fuserig_abi::spec::AbiSpec;

mod abi_support;

use abi_support::snapshots;

#[test]
fn the_built_in_descriptions_are_as_reviewed() {
    for name in ["v3", "v4", "android", "v3-grouped"] {
        let spec = AbiSpec::built_in(name).expect("built in");
        snapshots(|| insta::assert_snapshot!(format!("spec-{name}"), spec.to_text()));
    }
}

//! The entry for the text form of a lower tree, shared by the fuzz target and the stable test.
//!
//! The other entries are functions of the crates they test; this one needs nothing but the public
//! interface. It panics only when a promise of that interface is broken.

use fuserig_sim_fs::MemFs;

/// Every text that builds a tree must survive printing: same tree, same text.
pub(crate) fn tree_text(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    let Ok(tree) = MemFs::from_tree(text) else { return };
    let printed = tree.to_tree();
    match MemFs::from_tree(&printed) {
        Ok(back) => {
            assert!(back.digest() == tree.digest(), "printing changed the tree:\n{printed}");
            assert_eq!(back.to_tree(), printed, "the printed form is not canonical");
        }
        Err(error) => panic!("the printed form is refused: {error}\n{printed}"),
    }
}

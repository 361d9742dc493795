//! Where the snapshots of ABI tests lie.

/// Runs assertions whose snapshots are in `snapshots/abi`.
pub(crate) fn snapshots(assertions: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots/abi");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(assertions);
}

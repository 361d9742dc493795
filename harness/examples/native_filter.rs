//! A filter in Rust, and the test that it hides what it should: the whole of it.

use fuserig::prelude::*;

fn hide_dotfiles() -> FuseOps {
    FuseOps::new("hide_dotfiles")
        .lookup_prefilter(|_cx, name| match name.name() {
            [b'.', ..] => Verdict::Error(Errno::ENOENT),
            _ => Verdict::Continue,
        })
        .readdir_prefilter(|_cx, _in| Verdict::Postfilter)
        .readdir_postfilter(|cx, _in, out, entries| {
            if cx.error_in().is_none() {
                let dropped = entries.retain(|entry| !entry.name.starts_with(b"."));
                out.again = u32::from(dropped > 0 && entries.is_empty());
            }
            Verdict::Continue
        })
}

fn main() {
    Simulation::new(Seed(7))
        .clients(2)
        .operations(200)
        .name(".secret")
        .run(Subject::new(Abi::V4, hide_dotfiles).over("/notes.txt 'hi'\n/.secret 'no'"))
        .check(invariant::never_visible(".secret"))
        .or_report();
}

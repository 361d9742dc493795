//! An invariant of one's own: no file below ever becomes longer than a page.

use fuserig::prelude::*;

#[derive(Debug)]
struct Short;

impl Invariant for Short {
    fn name(&self) -> &str {
        "short"
    }

    fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        match seen.lower.walk().find(|entry| entry.stat.size > 4096) {
            Some(entry) => Err(format!("{} is longer than a page", entry.path.escape_ascii())),
            None => Ok(()),
        }
    }
}

/// Refuses what would make a file longer than a page: all growth, to be simple.
fn no_growth() -> FuseOps {
    FuseOps::new("no_growth")
        .write_iter_prefilter(|_, _| Errno::EFBIG)
        .setattr_prefilter(|_, _| Errno::EPERM)
        .file_fallocate_prefilter(|_, _| Errno::EFBIG)
        .copy_file_range_prefilter(|_, _| Errno::EFBIG)
}

fn main() {
    Simulation::new(Seed(1))
        .run(Subject::new(Abi::V4, no_growth).over("/notes.txt 'hi'"))
        .check(Short)
        .or_report();
}

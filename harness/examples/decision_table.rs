//! What a filter decides, as a table that a person can read and that a change makes visible.

use core::fmt::Write;

use fuserig::prelude::*;
use fuserig::sim::show_result;

fn main() {
    let filter = || hide(Patterns::parse(".*").expect("a pattern"));
    let subject = Subject::new(Abi::V4, filter).over("/.secret 'no'\n/plain 'yes'");
    let mut table = format!("{:<10}{:<25}{:<25}unlink\n", "name", "lookup", "mkdir");
    for name in ["plain", ".secret", ".new", "new"] {
        let _ = write!(table, "{name:<10}");
        let path = || name.into();
        for action in [
            Action::Stat { path: path(), follow: true },
            Action::Mkdir { path: path(), mode: 0o755 },
            Action::Unlink { path: path() },
        ] {
            let clients = vec![Program::of(0, vec![action])];
            let case = Case { tree: subject.tree().to_owned(), clients, ..Case::default() };
            let record = fuserig::sim::run(&subject, &case).expect("a good tree");
            let result = record.calls[0].result.as_ref().map(show_result).expect("it returned");
            let _ = write!(table, "{result:<25}");
        }
        table.truncate(table.trim_end().len());
        table.push('\n');
    }
    insta::assert_snapshot!(table, @"
    name      lookup                   mkdir                    unlink
    plain     0 100644 nlink=1 size=3  EEXIST                   0
    .secret   ENOENT                   ENOENT                   ENOENT
    .new      ENOENT                   ENOENT                   ENOENT
    new       ENOENT                   0                        ENOENT
    ");
}

//! What is left of the initial tree when a case is made smaller.

use fuserig::prelude::*;
use fuserig::vfs::Output;

/// No regular file is for everybody to write, or belongs to user 7.
#[derive(Debug)]
struct Private;

impl Invariant for Private {
    fn name(&self) -> &str {
        "private"
    }

    fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        match &seen.result.output {
            Output::Stat(stat) if stat.permissions & 0o002 != 0 && stat.uid.0 == 7 => {
                Err(format!("everybody may write to a file of user {}", stat.uid.0))
            }
            _ => Ok(()),
        }
    }
}

/// The tree that is left of `tree` for one look at `/d/a`.
#[track_caller]
fn check(tree: &str, expected: &str) {
    let look = Action::Stat { path: "d/a".into(), follow: true };
    let clients = vec![Program::of(0, vec![look])];
    let case = Case { tree: tree.to_owned(), clients, ..Case::default() };
    let campaign = Simulation::of_case(case).run(Subject::without_filter(Abi::V4));
    let finding = campaign.check(Private).result().expect_err("everybody may write");
    assert_eq!(finding.case.tree, expected, "{finding}");
    assert!(finding.minimality.shown, "{finding}");
}

#[test]
fn attributes_and_contents_that_do_not_matter_are_left_out() {
    check(
        "/b 'bbb'\n/d/ mode=0700 uid=5\n/d/a mode=0666 uid=7 gid=8 'two words' xattr.user.k='v w'",
        "/a mode=0666 uid=7",
    );
}

#[test]
fn what_a_line_says_that_matters_stays() {
    check("/d/a mode=0002 uid=7", "/a mode=0002 uid=7");
    // What a link is stays, although a link is always for everybody.
    check("/d/a -> b uid=7\n/d/b mode=0666 uid=7 'x'", "/a -> b\n/b mode=0666 uid=7");
}

#[test]
fn names_are_short_wherever_they_stand() {
    check("/d/a -> to/file\n/d/to/file mode=0006 uid=7", "/a -> b\n/b mode=0006 uid=7");
}

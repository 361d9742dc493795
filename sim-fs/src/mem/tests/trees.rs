//! Tree text: what it can say, and what it says about mistakes.

use super::tree;
use crate::{MemFs, TreeProblem};

/// Text that is canonical already comes back as it is.
fn check_canonical(text: &str) {
    assert_eq!(tree(text).to_tree(), text);
}

#[test]
fn canonical_text_comes_back() {
    check_canonical("");
    check_canonical("/ mode=1777 gid=5\n");
    check_canonical("/a 'it\\'s\\n\\\\ \\x00\\xff ~'\n");
    check_canonical("/a\\x20b\\n\\xc3\\xa9'\n".replace('\'', "\\'").as_str());
    check_canonical("/d/\n/d-e\n/d/f\n");
    check_canonical("/f mode=4755 uid=1 gid=2 mtime=-3.000000001 xattr.user.a\\x3d=''\n");
    check_canonical("/c c 1:3\n/d mode=0600 b 8:0\n/p p\n/s s\n");
    check_canonical("/l mtime=5 -> a\\x20b\n/m = /l\n");
    check_canonical("/s @4096 'x' @12288 '\\x00' size=20000 alloc=0+4096 alloc=8192+4096\n");
    check_canonical(&format!("/s '{}' @12288 'z'\n", "y".repeat(5000)));
}

#[test]
fn other_spellings_become_canonical() {
    let check = |text: &str, canonical: &str| assert_eq!(tree(text).to_tree(), canonical, "{text}");
    check("  # comment\n\n /b\n\t/a\r\n", "/a\n/b\n");
    check("/x/y/z", "/x/\n/x/y/\n/x/y/z\n");
    check("/x/y\n/x/ mode=0700", "/x/ mode=0700\n/x/y\n");
    check("/f 'a' 'b' @5 'c'", "/f 'ab\\x00\\x00\\x00c'\n");
    check("/l -> 'a b'", "/l -> a\\x20b\n");
    check("/f mtime=1.5", "/f mtime=1.500000000\n");
    check("/f size=0", "/f\n");
    check("/notes.txt 'hi'\n/.secret 'no'", "/.secret 'no'\n/notes.txt 'hi'\n");
}

#[test]
fn mistakes_have_a_place() {
    let check = |text: &str, line, column, problem: TreeProblem| {
        let error = MemFs::from_tree(text).expect_err(text);
        assert_eq!((error.line, error.column, error.problem), (line, column, problem), "{text}");
    };
    check("notes", 1, 1, TreeProblem::NotAPath);
    check("/a\n  //b", 2, 3, TreeProblem::BadComponent);
    check("/a/../b", 1, 1, TreeProblem::BadComponent);
    check("/a\\x00", 1, 1, TreeProblem::BadComponent);
    check("/a '\\y'", 1, 5, TreeProblem::BadEscape);
    check("/a\\x4", 1, 3, TreeProblem::BadEscape);
    check("/a 'x", 1, 4, TreeProblem::OpenQuote);
    check("/a what", 1, 4, TreeProblem::Unexpected("what".to_owned()));
    check("/a colour=1", 1, 4, TreeProblem::UnknownAttribute("colour".to_owned()));
    check("/a uid=-1", 1, 4, TreeProblem::Number("uid", "a decimal number"));
    check("/a ->", 1, 4, TreeProblem::Missing("the target", "->"));
    check("/a =", 1, 4, TreeProblem::Missing("the other path", "="));
    check("/a c 1", 1, 4, TreeProblem::Missing("MAJOR:MINOR", "c or b"));
    check("/a c 4096:0", 1, 4, TreeProblem::Missing("MAJOR:MINOR", "c or b"));
    check("/a = /b", 1, 6, TreeProblem::NoLinkSource);
    check("/a\n/a", 2, 1, TreeProblem::Exists);
    check("/a/\n/a/", 2, 1, TreeProblem::Exists);
    check("/a/ 'x'", 1, 1, TreeProblem::Conflict("a directory", "a file"));
    check("/a p 'x'", 1, 1, TreeProblem::Conflict("a fifo", "a file"));
    check("/a p s", 1, 6, TreeProblem::Conflict("a fifo", "a socket"));
    let link = TreeProblem::Conflict("a hard link", "a node with attributes of its own");
    check("/a\n/b = /a mode=1", 2, 1, link);
    check("/a p xattr.user.a=1", 1, 6, TreeProblem::Refused(fuserig_abi::Errno::EPERM));
    check("/a 'x'\n/a/b", 2, 1, TreeProblem::Refused(fuserig_abi::Errno::ENOTDIR));
    check("/a @9223372036854775807 'x'", 1, 25, TreeProblem::Refused(fuserig_abi::Errno::EINVAL));
    let long = format!("/{}", "n".repeat(256));
    check(&long, 1, 1, TreeProblem::Refused(fuserig_abi::Errno::ENAMETOOLONG));
}

#[test]
fn rows_have_the_columns_of_recorded_captures() {
    let fs =
        tree("/photos/cover.jpg mode=0600 'abcde'\n/photos/ mode=0700\n/cover -> photos/cover.jpg");
    let rows: Vec<u8> = fs.tree_rows().flat_map(|row| row.to_line()).collect();
    let expected = "cover\tl\t777\t0\t0\t1\t16\tphotos/cover.jpg\n\
        photos\td\t700\t0\t0\t2\t60\t\n\
        photos/cover.jpg\tf\t600\t0\t0\t1\t5\t\n";
    assert_eq!(String::from_utf8(rows).unwrap(), expected);
}

#[test]
fn the_digest_sees_every_difference() {
    let trees = [
        "",
        "/ mode=0700",
        "/a",
        "/b",
        "/a/",
        "/a 'x'",
        "/a 'y'",
        "/a 'x' size=2",
        "/a @1 'x'",
        "/a @4096 'x'",
        "/a '\\x00' @4096 'x'",
        "/a 'x' alloc=4096+4096",
        "/a size=1",
        "/a alloc=0+4096",
        "/a mode=0600",
        "/a mode=4644",
        "/a uid=1",
        "/a gid=1",
        "/a mtime=1",
        "/a mtime=0.000000001",
        "/a xattr.user.k='v'",
        "/a xattr.user.k='w'",
        "/a xattr.user.l='v'",
        "/a xattr.user.k='v' xattr.user.l='v'",
        "/a p",
        "/a s",
        "/a c 1:3",
        "/a b 1:3",
        "/a c 1:5",
        "/a c 2:3",
        "/a -> x",
        "/a -> y",
        "/a/b",
        "/a/\n/b",
        "/a\n/b",
        "/a\n/b = /a",
        "/b/a",
        "/a\n/b\n/c = /a\n/d = /b",
        "/a\n/b\n/c = /b\n/d = /a",
        "/a\n/b = /a\n/c\n/d = /c",
    ];
    let mut digests: Vec<_> = trees.iter().map(|text| tree(text).digest()).collect();
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), trees.len());
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "(/[ab/ '=@cps>x\\\\.0-9-]{0,20}\n?){0,4}") {
        let _ = MemFs::from_tree(&text);
    }
}

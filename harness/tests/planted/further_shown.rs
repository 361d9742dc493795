//! A program for each mistake of `further` that shows it.

use super::shown::all_show;
use super::suite::further;

/// Name, and the program over the common tree.
const OBJECTS: [(&str, &str); 5] = [
    ("an opcode is compared with its phase", "1000: mkdir e/x 755; rmdir e/x"),
    ("a beginning is compared with its NUL", "0: setxattr b user.ab v"),
    (
        "the loop ends before the listing",
        "0: mkdir u 755; mkdir v 755; mkdir w 755; open . r; getdents #0 4096",
    ),
    ("flags are looked for in newer ones", "0: setxattr b user.b v flags=1"),
    ("a directory is read and not searched", "0: stat d"),
];

const FILTERS: [(&str, &str); 16] = [
    ("what has two names seems to have one", "0: link b c; stat b"),
    ("every seek is one from the end", "0: open b r; seek #0 2 0"),
    ("the figures promise longer names", "0: statfs b"),
    ("a name that is added is not counted", "0: listxattr b 0"),
    ("another name of the hidden is hidden", "0: link .secret c; open . r; getdents #0 4096"),
    ("who looks first owns it for all", "0: stat b | 1000: stat b"),
    ("the end of a file is a failure", "0: open b r; read #0 3 at 3"),
    ("a write that begins before passes", "0: open b rw; write #0 9 x 0x6e at 0"),
    ("to make a file is to empty it", "0: open x w,create,trunc 644"),
    (
        "a copy is measured from its own start",
        "0: open b rw; ftruncate #0 9000; open notes.txt w; copy #1 at 5000 to #0 at 0 99",
    ),
    ("a sticky directory is open to all", "0: chmod e 1777"),
    ("a mode is judged before its umask", "0: mkdir x 777"),
    ("a success forgives no failure", "0: mkdir x 755; rmdir d; rmdir x; rmdir d; rmdir e"),
    (
        "an attribute that is set again is new",
        "0: setxattr b user.a x; setxattr b user.a y; setxattr b user.a z",
    ),
    ("times have no parts of a second", "0: chmod b 640; stat b"),
    ("an exchange leaves nothing behind", "0: mkdir x 755; rename e x flags=2; rmdir e"),
];

const LOWERS: [(&str, &str); 15] = [
    (
        "a sticky directory keeps its owner out",
        "0: chmod e 1777; chown e 1000:1000; mknod e/x 100644 | 1000: unlink e/x",
    ),
    ("a name that goes is still counted", "0: link b c; stat b; unlink c; stat b"),
    ("an exchange leaves the types listed", "0: rename b e flags=2; open . r; getdents #0 4096"),
    ("what the super-user makes is nobody's", "0: mkdir x 755; stat x"),
    ("a file is not copied into itself", "0: open b rw; copy #0 at 0 to #0 at 3 3"),
    ("a copy changes no time", "0: open notes.txt r; open b rw; copy #1 to #0 2"),
    (
        "setuid survives a change of space",
        "0: chmod b 4666 | 1000: open b rw; fallocate #0 0x0 0+9; stat b",
    ),
    ("at the end there is a hole", "0: open b r; seek #0 3 4"),
    ("a hard link is one to the target", "0: link link x; lstat x"),
    ("space behind the end is not counted", "0: open b rw; fallocate #0 0x1 0+9000; stat b"),
    ("the super-user runs anything", "0: access b 1"),
    ("a directory stays where it is", "0: rename d e/d"),
    (
        "a range is inserted behind the end",
        "0: open b rw; ftruncate #0 4096; fallocate #0 0x20 4096+4096",
    ),
    (
        "who appends makes all append",
        "0: open b w; open b w,append; write #1 1 x 0x6e at 0; stat b",
    ),
    ("a touch is no look", "0: touch b; stat b"),
];

const DAEMONS: [(&str, &str); 5] = [
    ("knows a change by the length", "0: stat b; chmod b 600; stat b"),
    ("is not told that a file was closed", "0: open b w; close #0; open b w"),
    ("reserves whole blocks", "0: open b rw; fallocate #0 0x0 0+9; stat b"),
    ("knows three bits of a mask", "0: access b 4"),
    ("sorts what it lists", "0: open . r; getdents #0 4096"),
];

/// The other client is let in while the first one is in a call.
const RACES: [(&str, &str); 6] = [
    ("a name that two use is free after one", "0: rename d/a d/x | 0: rename b x; unlink x"),
    ("one works with the rights of another", "0: rename d/a d/y | 1000: mkdir e/x 755; rmdir e/x"),
    ("who comes while it begins is refused", "0: mkdir e/x 755 | 0: mkdir d/x 755"),
    ("who asks for the same is the same", "0: getxattr b user.a 9 | 1000: getxattr b user.a 9"),
    ("what is being made counts as made", "0: mkdir d/e 755 | 0: rmdir e"),
    (
        "it is given back after a new start",
        "0: mkdir e/f 755; mkdir e/f/g 755; rmdir e/f; rmdir e/f/g; rmdir e/f | 0: rename b c",
    ),
];

const CRASHES: [(&str, &str); 8] = [
    ("who writes a byte writes the file anew", "0: open b rw; fsync #0; write #0 1 x 0x6e at 0"),
    ("who shortens a file writes it anew", "0: open b rw; fsync #0; ftruncate #0 2"),
    (
        "a new file is not there for fdatasync",
        "0: open x w,create 644; write #0 1 x 0x6e at 0; fdatasync #0",
    ),
    ("what is made again is not synced", "0: open d r,dir; unlink d/a; mkdir d/a 755; fsync #0"),
    ("who has an old name is not synced", "0: rename b c; open b w,create 644; fsync #0"),
    ("a directory that lost a name is not synced", "0: open d r,dir; unlink d/a; fsync #0"),
    (
        "what is written at once is written later",
        "0: open b rw,sync; write #0 1 x 0x6e at 0; stat b",
    ),
    ("a move is a new name and a removal", "0: rename d/a e/a"),
];

#[test]
fn every_further_mistake_can_show() {
    let programs = [&OBJECTS[..], &FILTERS, &LOWERS, &DAEMONS, &RACES, &CRASHES].concat();
    all_show(&further(), &programs);
}

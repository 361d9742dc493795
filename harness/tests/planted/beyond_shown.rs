//! A program for each mistake of `beyond` that shows it.

use super::shown::all_show;
use super::suite::beyond;

/// Name, and the program over the common tree.
const FILTERS: [(&str, &str); 10] = [
    ("a group is mapped where the user is", "0: chown b 1000:0; stat b"),
    ("a shorter list has its old length", "0: listxattr b 99"),
    ("of the dots at the end one goes", "0: stat b.."),
    ("a path that begins alike is below", "0: symlink l -> /data"),
    ("two slashes lead down twice", "0: symlink l -> d//a"),
    (
        "a range may be cut out where no hole may be made",
        "0: open b rw; ftruncate #0 8192; fallocate #0 0x8 0+4096",
    ),
    ("a byte above 127 is a control character", "0: mkdir \u{e9} 755"),
    ("the time of a change is one that is set", "0: chmod b 600"),
    (
        "who makes something has looked for it in vain",
        "0: mkdir x 755; mkdir y 755; mkdir z 755; stat d",
    ),
    ("what moves under its name is forgotten", "0: mkdir x 755; rename x e/x; rmdir e/x"),
];

const LOWERS: [(&str, &str); 12] = [
    ("a new name leaves the time of a file", "0: link b c; stat b"),
    ("what is full is said to be there", "0: rmdir d"),
    ("a link has a mode of its own", "0: lstat link"),
    (
        "a range is cut off at the end",
        "0: open b rw; ftruncate #0 8192; fallocate #0 0x8 4096+4096",
    ),
    ("what has no such attribute is not there", "0: getxattr b user.b 9"),
    (
        "attributes are kept without their namespace",
        "0: setxattr b trusted.a w; getxattr b user.a 9",
    ),
    ("what was replaced still has its name", "0: open b r; rename notes.txt b; fstat #0"),
    ("only owners touch", "1000: touch b"),
    ("a file counts as a link to its directory", "0: stat d"),
    ("who may not list may not walk", "0: chmod d 711 | 1000: stat d/a"),
    ("what is written is there when it is closed", "0: open b rw; write #0 9 x 0x6e at 0; stat b"),
    ("a slash at the end of a target is dropped", "0: symlink l -> e/; lstat l"),
];

const DAEMONS: [(&str, &str); 3] = [
    ("looks for a name where the mode is", "0: mkdir x 400"),
    ("knows nine bits of a mode", "0: chmod b 4755; stat b"),
    ("reserves without a mode", "0: open b rw; fallocate #0 0x1 0+9000; stat b"),
];

/// The other client is let in while the first one is in a call.
const RACES: [(&str, &str); 6] = [
    ("who is done late sets the number back", "0: mkdir e/x 755; rmdir e/x | 0: mkdir d/y 755"),
    (
        "a place is given back before it is free",
        "0: mkdir e/f 755; mkdir e/f/g 755; mkdir x 755; rmdir e/f | 0: mkdir y 755",
    ),
    ("who is done notes all that wait", "0: mkdir d/e 755 | 0: mkdir y 755; rmdir e"),
    (
        "who fails takes back what came last",
        "0: mkdir e/f 755; mkdir e/f/g 755; rmdir e/f; mkdir d/x 755 | 0: mkdir x 755; rmdir x",
    ),
    (
        "a write is charged as the last that began",
        "0: open b rw; write #0 16 x 0x6e at 0; write #0 1 x 0x6e at 0 | 0: open notes.txt rw; \
         write #0 1 x 0x6e at 0",
    ),
    ("the last two are removed at once", "0: mkdir d/x 755; mkdir d/y 755; rmdir d/x | 0: rmdir e"),
];

const CRASHES: [(&str, &str); 5] = [
    (
        "what was read again is not synced",
        "0: open b rw; write #0 1 x 0x6e at 0; read #0 1 at 0; fsync #0",
    ),
    (
        "what was closed is not synced",
        "0: open b rw; write #0 1 x 0x6e at 0; close #0; open b r; fsync #0",
    ),
    ("what grew is not there for fdatasync", "0: open b rw; write #0 9 x 0x6e at 0; fdatasync #0"),
    ("a second name is not synced with its file", "0: open b rw; link b c; fsync #0"),
    ("what is replaced is moved aside first", "0: rename notes.txt b"),
];

#[test]
fn every_beyond_mistake_can_show() {
    all_show(&beyond(), &[&FILTERS[..], &LOWERS, &DAEMONS, &RACES, &CRASHES].concat());
}

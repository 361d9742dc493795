//! A program for each mistake of `outside` that shows it.

use super::shown::all_show;
use super::suite::outside;

/// Name, and the program over the common tree.
const OBJECTS: [(&str, &str); 4] = [
    ("a socket has the bit of a file", "0: mknod x 140644"),
    ("a bit is named by its number", "0: chmod b 600"),
    ("the first user is of the system", "1000: mkdir e/x 755; rmdir e/x"),
    (
        "what is begun is no block",
        "0: open b rw; write #0 1 x 0x6e at 0; write #0 600 x 0x6e at 0; write #0 1 x 0x6e at 0; \
         write #0 1 x 0x6e at 0",
    ),
];

const FILTERS: [(&str, &str); 11] = [
    ("what is hidden may be made and is gone", "0: mkdir e/.secret 755"),
    ("who only counts hands on what was not found", "0: mkdir x 755"),
    ("who reads all around it reads it", "0: open b r; read #0 99 at 0"),
    ("groups are shifted one way only", "0: chown b 1000:1000; stat b"),
    ("what was stored before is decoded, too", "0: getxattr b user.a 9"),
    ("a node is made for everybody", "0: mknod x 100644; stat x"),
    ("times are set in a view", "0: touch b"),
    ("an errno is that of a server", "0: setxattr b user.b v"),
    ("who may only append may empty", "0: open b w,append,trunc"),
    (
        "a closed file gives its place back twice",
        "0: open b r; open b r; close #0; open b r; open b r; open b r",
    ),
    (
        "who removes it gets the place",
        "1000: mkdir e/x 755; mkdir e/y 755 | 0: rmdir e/x | 1000: mkdir e/z 755",
    ),
];

const LOWERS: [(&str, &str); 9] = [
    ("a mode is written with the contents", "0: chmod b 600; stat b"),
    ("a mode takes the place of all attributes", "0: chmod b 600; getxattr b user.a 9"),
    ("a file stays on its disk", "0: rename d/a e/a"),
    ("what a file grows by is written", "0: open b rw; ftruncate #0 9000; stat b"),
    ("a listing goes on by counting", "0: open . r; getdents #0 96; unlink link; getdents #0 4096"),
    (
        "a file made to be read is not written",
        "1000: open e/x rw,create 444; write #0 1 x 0x6e at 0",
    ),
    ("the length of an open file goes by its mode", "1000: open e/x rw,create 444; ftruncate #0 9"),
    ("what is renamed has not changed", "0: rename b c; stat c"),
    ("what is open is not removed", "0: open b r; unlink b"),
];

const DAEMONS: [(&str, &str); 5] = [
    ("has offsets of 31 bits", "0: open b rw; ftruncate #0 4294967296"),
    ("refuses what begins with a dot", "0: mkdir e/.secret 755"),
    ("does not say what is listed", "0: open . r; getdents #0 4096"),
    ("asks with its own rights", "1000: access d/a 2"),
    ("is not ready for the first", "0: mkdir x 755"),
];

/// The other client is let in while the first one is in a call.
const RACES: [(&str, &str); 7] = [
    ("of two names the old one is locked", "0: rename d/a d/b | 0: unlink b"),
    ("it freezes when the mark is there", "0: mkdir e/.secret 755 | 0: unlink b"),
    ("what is on its way is in no sum", "0: mkdir d/x 755 | 0: statfs b"),
    ("a lock is free until it is set", "0: setxattr b user.a w | 0: setxattr d/a user.a w"),
    ("figures from before a change are kept", "0: statfs b; statfs b | 0: mkdir x 755"),
    ("a lock is that of a user", "0: rename d/a d/y | 0: rmdir e"),
    ("who is done writes an old list", "0: mkdir e/x 755; rmdir d/y | 0: mkdir d/y 755"),
];

const CRASHES: [(&str, &str); 5] = [
    ("a hole is not synced", "0: open b rw; fallocate #0 0x3 0+2; fsync #0"),
    (
        "what has new attributes is not synced",
        "0: open b rw; write #0 1 x 0x6e at 0; setxattr b user.b v; fsync #0",
    ),
    ("who syncs syncs what he wrote", "0: open b rw; open b rw; write #0 1 x 0x6e at 0; fsync #1"),
    (
        "what is as long as before is not synced",
        "0: open b rw; ftruncate #0 1; ftruncate #0 3; fsync #0",
    ),
    ("what lost a name is not synced", "0: open b rw; link b c; unlink c; fsync #0"),
];

#[test]
fn every_outside_mistake_can_show() {
    let programs = [&OBJECTS[..], &FILTERS, &LOWERS, &DAEMONS, &RACES, &CRASHES].concat();
    all_show(&outside(), &programs);
}

//! A program for each mistake of `unknown` that shows it.

use super::shown::all_show;
use super::suite::unknown;

/// Name, and the program over the common tree.
const OBJECTS: [(&str, &str); 5] = [
    ("an error is looked for without its sign", "0: rmdir d"),
    ("a count that is there is not replaced", "0: mkdir x 755; mkdir y 755; mkdir z 755"),
    ("counters end where users begin", "1000: mkdir e/x 755; mkdir e/y 755; mkdir e/z 755"),
    ("a hole is looked for by itself", "0: open b rw; fallocate #0 0x3 0+1"),
    ("a mode is a decimal number", "0: mkdir x 777"),
];

const FILTERS: [(&str, &str); 16] = [
    ("a link has no header to take away", "0: lstat link"),
    ("blocks are as long as those of the disk", "0: open b rw; ftruncate #0 9000; stat b"),
    ("what is no letter is made small", "0: stat notes_txt; mkdir x_y 755"),
    ("a name that begins alike is cut", "0: setxattr d/a user.ab v; listxattr d/a 99"),
    ("what one file lacks all lack", "0: getxattr d/a user.a 9; getxattr b user.a 9"),
    ("what the group reads everybody reads", "0: chmod b 640 | 1000: stat b"),
    ("what is not there cannot be read", "1000: stat x"),
    ("space is counted as files are", "0: statfs b"),
    ("what did not fit counts as listed", "0: open . r; getdents #0 64; getdents #0 4096"),
    (
        "a name keeps its first maker",
        "0: mkdir e/x 755; rmdir e/x | 1000: mkdir e/x 755; rmdir e/x",
    ),
    ("the end is taken for a hole", "0: open b r; seek #0 0 2"),
    ("only one kind of device is refused", "0: mknod x 60644"),
    ("a new owner is a new mode", "0: mknod x 104755; chown x 1000:1000"),
    ("a directory is walked as a program is run", "0: chmod d 755; stat d"),
    ("a mask takes the place of a mode", "0: mkdir x 700"),
    ("a hard link may be called anything", "0: link b e/.secret"),
];

const LOWERS: [(&str, &str); 14] = [
    ("what moves away leaves the time alone", "0: rename d/a e/a"),
    ("a removed directory is still counted", "0: rmdir e; stat ."),
    ("an exchange counts no directories", "0: rename d/a e flags=2; stat d"),
    ("to set the same length changes no time", "0: open b rw; ftruncate #0 3"),
    (
        "a read ends where a hole begins",
        "0: open b rw; write #0 9 x 0x6e at 9000; read #0 9000 at 0",
    ),
    ("an inserted range holds what was there", "0: open b rw; fallocate #0 0x20 0+4096"),
    ("a hole begins where its page does", "0: open b rw; fallocate #0 0x3 1+1"),
    ("names that differ in case are one", "0: stat B"),
    (
        "a copy passes over holes",
        "0: open notes.txt rw; ftruncate #0 9000; open b rw; write #0 9 x 0x6e at 5000; \
         copy #1 to #0 9000",
    ),
    (
        "an open file is hidden and not removed",
        "0: open d/a r; unlink d/a; open d r; getdents #0 4096",
    ),
    ("a hard link is a copy", "0: link b c; stat c"),
    ("who is not in the group sets its bit", "0: chown b 1000:7 | 1000: chmod b 2755; stat b"),
    (
        "an open file stays as it was read",
        "0: open b r; read #0 3 at 0; open b w; write #0 1 x 0x6e at 0; read #1 3 at 0",
    ),
    ("open files do not move with directories", "0: open d/a r; rename d x; fstat #0"),
];

const DAEMONS: [(&str, &str); 5] = [
    ("knows only the directories that it saw made", "0: rmdir e"),
    (
        "takes a name for the same one elsewhere",
        "0: mkdir x 755; open e/x w,create 644; unlink e/x",
    ),
    ("reads what is opened to write", "0: chmod b 222 | 1000: open b w"),
    ("takes the group for the owner", "0: chown b 1000:0"),
    ("shows what it has as its own", "0: chown b 1000:0; stat b"),
];

/// The other client is let in while the first one is in a call.
const RACES: [(&str, &str); 5] = [
    ("who is done first is the last", "0: mkdir e/x 755 | 0: mkdir y 755; rmdir y"),
    ("two directories have one number", "0: mkdir e/x 755; rmdir e/x | 0: mkdir d/y 755"),
    (
        "what is kept is dropped too early",
        "0: open b rw; write #0 9 x 0x6e at 0; stat b | 0: stat b",
    ),
    ("two opens have one number", "0: open b r; close #0; unlink notes.txt | 0: open d/a r"),
    ("what is half made is nowhere", "0: open e/a w,create 644 | 0: stat d/a"),
];

const CRASHES: [(&str, &str); 5] = [
    (
        "who has synced the data has synced all",
        "0: mkdir x 755; open b rw; write #0 1 x 0x6e at 0; fdatasync #0; fsync #0",
    ),
    ("a directory syncs what came since the open", "0: mkdir d/x 755; open d r,dir; fsync #0"),
    ("what was exchanged is not synced", "0: open d r,dir; rename d/a d/x.jpg flags=2; fsync #0"),
    ("what only grew is not synced", "0: open b rw; write #0 1 x 0x6e at 3; fsync #0"),
    ("what is removed goes through the trash", "0: unlink b"),
];

#[test]
fn every_unknown_mistake_can_show() {
    let programs = [&OBJECTS[..], &FILTERS, &LOWERS, &DAEMONS, &RACES, &CRASHES].concat();
    all_show(&unknown(), &programs);
}

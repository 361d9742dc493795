//! A program for each mistake of `elsewhere` that shows it.

use super::shown::all_show;
use super::suite::elsewhere;

/// Name, and the program over the common tree.
const OBJECTS: [(&str, &str); 4] = [
    ("a file that is made is looked for in open", "0: open x w,create 644"),
    ("the count before is taken for the one after", "0: mkdir x 755; mkdir y 755; mkdir z 755"),
    ("a case falls into the next", "0: mknod x 10644"),
    ("a search ends at another length", "0: unlink .secret"),
];

const FILTERS: [(&str, &str); 9] = [
    ("what is not listed can be read", "0: getxattr b user.a 9"),
    ("the end is elsewhere for who seeks", "0: open b r; seek #0 0 2"),
    ("who is on no map is the super-user", "0: chown b 7:7; stat b"),
    ("a rename with flags is another call", "0: rename .secret x flags=1"),
    (
        "a copy is judged where it is read",
        "0: open notes.txt r; open b rw; copy #1 at 0 to #0 at 4095 2",
    ),
    ("who asks is told that he may write", "0: access b 2"),
    ("to set a length is not to write", "0: truncate b 1"),
    ("what is replaced is not removed", "0: rename notes.txt b"),
    ("a seek is judged by what it adds", "0: open b r; seek #0 4000 0; seek #0 4000 1"),
];

const LOWERS: [(&str, &str); 9] = [
    ("a rename replaces nothing", "0: rename notes.txt b"),
    ("a directory goes with the last file in it", "0: mkdir x 755; mknod x/y 100644; unlink x/y"),
    ("a target from the root begins elsewhere", "0: symlink l -> /d/a; readlink l"),
    ("of a mode is kept whether one may write", "0: chmod b 640"),
    (
        "a copy begins where a block does",
        "0: open notes.txt r; open b rw; copy #1 at 0 to #0 at 3 2",
    ),
    ("who reads leaves no time", "0: open b r; read #0 3 at 0; stat b"),
    ("what could be written is new when closed", "0: open b w; close #0; stat b"),
    ("what has no name is stale", "0: open b r; unlink b; read #0 3 at 0"),
    ("what is removed is what was below", "0: open b w; unlink b; stat b"),
];

const DAEMONS: [(&str, &str); 5] = [
    ("knows three ways to seek", "0: open b r; seek #0 0 3"),
    (
        "copies to the place that it reads",
        "0: open notes.txt r; open b rw; copy #1 at 0 to #0 at 3 2",
    ),
    ("says that blocks have another length", "0: statfs b"),
    ("ends a value with a NUL", "0: getxattr b user.a 9"),
    ("takes a page at a time", "0: open b rw; write #0 5000 x 0x6e at 0"),
];

/// The other client is let in while the first one is in a call.
const RACES: [(&str, &str); 8] = [
    (
        "a lock is kept for who was refused",
        "0: mkdir e/x 755; mkdir e/y 755; rmdir e/x; rmdir e/y | 0: rmdir d",
    ),
    (
        "a place in a list is remembered",
        "0: mkdir d/x 755; mkdir e/y 755; mkdir e/z 755; rmdir e/y; rmdir e/z | 0: rmdir d/x",
    ),
    (
        "what is being renamed has no name",
        "0: mkdir e/x 755; mkdir d/x 755; rename e/x e/y | 0: rmdir d/x",
    ),
    ("names of one length have one lock", "0: mkdir e/x 755; rmdir e/x | 0: unlink b"),
    ("who comes second is to try again", "0: rename d/a d/y | 0: rename b c"),
    (
        "what is being removed is not listed",
        "0: mkdir d/e 755; rmdir d/e | 0: open . r; getdents #0 4096",
    ),
    ("who comes while another waits is lost", "0: mkdir e/x 755 | 0: mkdir d/y 755; rmdir d/y"),
    (
        "who gets one of two locks keeps it",
        "0: mkdir e/x 755; rmdir e/x | 0: rename d/a d/x; rename d/a d/y",
    ),
];

const CRASHES: [(&str, &str); 5] = [
    (
        "what fills reserved space is not synced",
        "0: open b rw; fallocate #0 0x0 0+9000; write #0 1 x 0x6e at 0; fdatasync #0",
    ),
    ("what is in a new directory is not synced", "0: mkdir x 755; open x/y w,create 644; fsync #0"),
    ("what is removed is covered first", "0: unlink b"),
    ("what is removed is emptied first", "0: open b rw; fsync #0; close #0; unlink b"),
    ("what outgrows its inode is not synced", "0: open b rw; write #0 99 x 0x6e at 0; fsync #0"),
];

#[test]
fn every_elsewhere_mistake_can_show() {
    let programs = [&OBJECTS[..], &FILTERS, &LOWERS, &DAEMONS, &RACES, &CRASHES].concat();
    all_show(&elsewhere(), &programs);
}

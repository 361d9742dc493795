//! Logs that nobody wrote: any bytes give a report or an error.

use super::{try_import, unbroken};
use crate::import::fuzz_entry_strace;

/// A log with some of everything, to be damaged.
const SEED_LOG: &str = r#"7 1795354603.621087 execve("/usr/bin/bash", ["bash", "x.sh"], 0x7ffc
    /* 10 vars */) = 0 <0.000257>
7 1795354603.622026 newfstatat(3</etc/ld.so.cache>, "", {st_mode=S_IFREG|0644, st_size=44427,
    ...}, AT_EMPTY_PATH) = 0 <0.000010>
7 1795354603.622175 openat(AT_FDCWD</srv/work>, "a\tb\"c", O_RDWR|O_CREAT|O_CLOEXEC, 0666) =
    3</srv/work/a\tb"c> <0.000014>
7 1795354603.622226 write(3</srv/work/a\tb"c>, "\177ELF\2\1\1\0\0"..., 4096) = 4096 <0.000011>
7 1795354603.622300 vfork( <unfinished ...>
8 1795354603.622310 dup2(3</srv/work/a>, 1<pipe:[7]>) = 1</srv/work/a> <0.000009>
8 1795354603.622320 execve("./x", ["x"], 0x7ffc <unfinished ...>
7 1795354603.622330 <... vfork resumed>) = 8 <0.000030>
8 1795354603.622340 <... execve resumed>) = 0 <0.000020>
8 1795354603.622350 preadv2(1</srv/work/a>, [{iov_base="ab", iov_len=2}, {iov_base="c",
    iov_len=9}], 2, 99, 0) = 3
8 1795354603.622360 renameat2(AT_FDCWD</srv/work>, "../work/a", 3</srv/work/d>,
    "/tmp/../srv/work/b", RENAME_EXCHANGE) = 0
8 1795354603.622370 fcntl(1</srv/work/a>, F_SETLKW, {l_type=F_WRLCK, l_whence=SEEK_SET,
    l_start=5, l_len=10}) = 0
8 1795354603.622380 getdents64(3</srv/work>, 0x55 /* 5 entries */, 32768) = 144
8 1795354603.622390 symlink("/srv/work/d", "l") = 0
8 1795354603.622400 utimensat(AT_FDCWD, "l/x", [{tv_sec=1, tv_nsec=0} /* 1970 */, UTIME_NOW],
    0) = 0
8 1795354603.622410 mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 1</srv/work/a>, 0) = 0x7f15
8 1795354603.622420 +++ killed by SIGKILL +++
7 1795354603.622430 clone3({flags=CLONE_VM|CLONE_FILES, stack=0x7f} => {parent_tid=[9]}, 88) = 9
9 1795354603.622440 close_range(3, 4294967295, CLOSE_RANGE_CLOEXEC) = 0
7 1795354603.622450 +++ superseded by execve in pid 9 +++
"#;

/// xorshift64: the damage is the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit.max(1)).expect("a length fits 64 bits");
        usize::try_from(self.next() % limit).expect("the remainder is below a usize")
    }
}

fn damage(random: &mut Random, log: &mut Vec<u8>) {
    // Bytes that mean something to the parser come more often than chance would have it.
    const TELLING: &[u8] = b"<>()[]{}\"\\,=|/.-0 \n?\0\xff+";
    let at = random.below(log.len());
    match random.below(7) {
        0 => log[at] ^= 1 << random.below(8),
        1 => log[at] = TELLING[random.below(TELLING.len())],
        2 => log.insert(at, TELLING[random.below(TELLING.len())]),
        3 => log.truncate(at),
        4 => {
            let end = (at + random.below(40)).min(log.len());
            log.drain(at..end);
        }
        5 => {
            let end = (at + random.below(60)).min(log.len());
            let piece = log[at..end].to_vec();
            let target = random.below(log.len());
            log.splice(target..target, piece);
        }
        _ => {
            let digit = b'0' + u8::try_from(random.below(10)).expect("a digit is small");
            let run = vec![digit; random.below(30)];
            log.splice(at..at, run);
        }
    }
    if log.is_empty() {
        log.push(b'7');
    }
}

#[test]
fn twenty_thousand_damaged_logs_give_a_report_or_an_error() {
    let seed_log = unbroken(SEED_LOG);
    let mut random = Random(0x5eed_1234_5678_9abc);
    let mut refused = 0_u32;
    for _ in 0..20_000 {
        // Half of the log at a time, so that any of its lines may come first.
        let lines: Vec<&str> = seed_log.lines().collect();
        let first = random.below(lines.len() / 2);
        let mut log = lines[first..first + lines.len() / 2].join("\n").into_bytes();
        for _ in 0..=random.below(4) {
            damage(&mut random, &mut log);
        }
        match try_import(&log) {
            Ok((_, report)) => {
                assert!(report.inside + report.state <= report.calls, "{report:?}");
            }
            Err(_) => refused += 1,
        }
    }
    // Only a log that is left without a whole line is refused.
    assert!((1..4_000).contains(&refused), "{refused} logs were refused");
}

#[test]
fn shapes_that_grow_are_bounded() {
    let open =
        |fd: u32| format!("7 openat(AT_FDCWD</srv/work>, \"f\", O_RDONLY) = {fd}</srv/work/f>\n");
    // Every fork copies the table; the copies are counted.
    let mut log: String = (0..2_000).map(open).collect();
    for child in 100..2_300 {
        log.push_str(&format!("7 fork() = {child}\n"));
    }
    let error = try_import(log.as_bytes()).expect_err("the descriptors exceed the limit");
    assert!(error.to_string().contains("the open descriptors of all processes"), "{error}");

    let deep = format!("7 statfs(\"/srv/work\", {}) = 0\n", "{a=".repeat(5_000));
    assert!(try_import(deep.as_bytes()).is_ok());
    let names: String = (0..3_000).map(|name| format!("7 c{name}() = 0\n")).collect();
    let (_, report) = try_import(names.as_bytes()).expect("unknown calls are counted");
    assert_eq!(report.outside["(others)"], 2_000);
}

#[test]
fn the_entry_for_fuzzing_takes_anything() {
    fuzz_entry_strace(b"");
    fuzz_entry_strace(unbroken(SEED_LOG).as_bytes());
    fuzz_entry_strace(&[0xff; 300]);
}

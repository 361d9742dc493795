//! Logs that nobody wrote: any bytes give a report or an error.

use super::{reply, request, try_import};
use crate::import::fuzz_entry_fuse_strace;

/// A log with some of everything, to be damaged.
fn seed_log() -> String {
    let init = request(26, 2, &[7, 0, 0, 0, 31, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let init_reply = reply(0, 2, &[7, 0, 0, 0, 31, 0, 0, 0]);
    let (lookup, none) = (request(1, 4, b"a\0"), reply(-2, 4, b""));
    let (read, data) = (request(15, 6, &[0; 40]), reply(0, 6, b"data"));
    let (stop, hello) = (request(36, 7, &[6, 0, 0, 0, 0, 0, 0, 0]), reply(2, 0, b"hello"));
    format!(
        "7  1000000000.000001 read(3</dev/fuse>, {init}, 99) = 56 <0.000001>\n\
         7  1000000000.000002 writev(3, [{{iov_base={init_reply}, iov_len=24}}], 1) = 24\n\
         7  1000000000.000003 read(3,  <unfinished ...>\n\
         8  1000000000.000003 read(3, {lookup}, 99) = 42\n\
         7  1000000000.000004 <... read resumed>{read}, 99) = 80\n\
         8  12:00:00.1 write(3, {none}, 16 <unfinished ...>\n\
         7  0.000005 read(4, {stop}, 99) = 48\n\
         8  <... write resumed>) = 16\n\
         7  write(3, {data}, 20) = -1 ENOENT (No such file or directory)\n\
         7  write(3, {hello}, 21) = 21\n\
         7  splice(3, NULL, 6, NULL, 99, 0) = 56\n\
         7  ioctl(9, FUSE_DEV_IOC_CLONE, [3]) = 0\n\
         7  +++ exited with 0 +++\n"
    )
}

/// xorshift64: the damage is the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let limit = u64::try_from(limit.max(1)).expect("a length fits 64 bits");
        usize::try_from(self.0 % limit).expect("the remainder is below a usize")
    }
}

fn damage(random: &mut Random, log: &mut Vec<u8>) {
    const TELLING: &[u8] = b"<>()[]{}\"\\x,=|/.-0 \n?\0\xff+";
    let at = random.below(log.len());
    match random.below(6) {
        0 => log[at] ^= 1 << random.below(8),
        1 => log[at] = TELLING[random.below(TELLING.len())],
        2 => log.insert(at, TELLING[random.below(TELLING.len())]),
        3 => log.truncate(at),
        4 => {
            let end = (at + random.below(60)).min(log.len());
            log.drain(at..end);
        }
        _ => {
            let end = (at + random.below(200)).min(log.len());
            let piece = log[at..end].to_vec();
            let target = random.below(log.len());
            log.splice(target..target, piece);
        }
    }
    if log.is_empty() {
        log.push(b'7');
    }
}

#[test]
fn twenty_thousand_damaged_logs_give_a_report_or_an_error() {
    let seed_log = seed_log();
    let mut random = Random(0x5eed_1234_5678_9abc);
    let (mut refused, mut problems) = (0, 0);
    for _ in 0..20_000 {
        let mut log = seed_log.clone().into_bytes();
        for _ in 0..=random.below(4) {
            damage(&mut random, &mut log);
        }
        match try_import(&log) {
            Ok((records, report)) => {
                assert_eq!(records.len() as u64, report.records);
                let messages = report.requests + report.replies + report.notifications;
                assert!(messages <= report.calls, "{report:?}");
                problems += u64::from(!report.is_lossless());
            }
            Err(_) => refused += 1,
        }
    }
    assert!(refused < 2_000, "{refused} logs were refused");
    assert!(problems > 10_000, "only {problems} logs had a problem");
}

#[test]
fn every_prefix_of_a_log_is_read() {
    let log = seed_log();
    for end in 0..log.len() {
        if let Ok((_, report)) = try_import(&log.as_bytes()[..end]) {
            assert!(report.requests <= 4, "{report:?}");
        }
    }
}

#[test]
fn shapes_that_grow_are_read() {
    let first = format!("7 read(3, {}, 99) = 42\n", request(1, 4, b"a\0"));
    for text in ["[{iov_base=", "<", "\\", "{"] {
        let log = format!("{first}7 read(3, {}, 9) = 1\n", text.repeat(50_000));
        let (_, report) = try_import(log.as_bytes()).expect("the first line is one of strace");
        assert_eq!(report.problems_total(), 1, "{report}");
    }
    // Replies through other descriptors, and interrupts of interrupts, are found without search.
    let mut log = String::new();
    for unique in 0..2_000_u64 {
        let target = (unique * 2).to_le_bytes();
        let ask = request(36, unique * 2 + 2, &target);
        log.push_str(&format!("7 read(3, {ask}, 99) = 48\n"));
    }
    let (records, _) = try_import(log.as_bytes()).expect("the log is one of strace");
    assert_eq!(records.len(), 2_000);
}

#[test]
fn the_entry_for_fuzzing_takes_anything() {
    fuzz_entry_fuse_strace(b"");
    fuzz_entry_fuse_strace(seed_log().as_bytes());
    fuzz_entry_fuse_strace(&[0xff; 300]);
}

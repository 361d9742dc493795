//! The columns that options of strace put before a call and behind it.

/// What the lines are called, and how one of `-f -ttt` is turned into one.
pub(crate) type Variation = (&'static str, fn(&str) -> String);

/// The process, the time and the rest of a line.
pub(crate) fn columns(line: &str) -> (&str, &str, &str) {
    let (pid, rest) = line.split_once(' ').expect("-f puts a process in front");
    let (time, rest) = rest.trim_start().split_once(' ').expect("-ttt puts a time behind it");
    (pid, time, rest)
}

/// Lines with other columns than `-f -ttt` gives them.
pub(crate) const COLUMNS: [Variation; 8] = [
    ("[pid N] on a terminal", |line| {
        let (pid, time, rest) = columns(line);
        format!("[pid {pid:>5}] {time} {rest}")
    }),
    ("-Y, no times", |line| {
        let (pid, _, rest) = columns(line);
        format!("{pid}<a program> {rest}")
    }),
    ("-tt", |line| {
        let (pid, time, rest) = columns(line);
        let (seconds, fraction) = time.split_once('.').expect("a fraction");
        let seconds: u64 = seconds.parse().expect("digits");
        let (hours, minutes) = (seconds / 3600 % 24, seconds / 60 % 60);
        format!("{pid} {hours:02}:{minutes:02}:{:02}.{fraction} {rest}", seconds % 60)
    }),
    ("-t", |line| {
        let (pid, _, rest) = columns(line);
        format!("{pid} 12:34:56 {rest}")
    }),
    ("-r", |line| {
        let (pid, _, rest) = columns(line);
        format!("{pid}      0.000123 {rest}")
    }),
    ("-n -i", |line| {
        let (pid, time, rest) = columns(line);
        format!("{pid}  {time} [ 257] [00007f12ab34cd56] {rest}")
    }),
    ("-k", |line| format!("{line}\n > /usr/lib/libc.so.6(__read+0x4d) [0x10e2d]")),
    ("lines of another system", |line| format!("{line}\r")),
];

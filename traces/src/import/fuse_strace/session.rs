//! What is known between the lines: clocks, descriptors, halves of calls.

use std::collections::BTreeMap;

use super::head::Stamp;

const DAY_NS: u64 = 24 * 3600 * 1_000_000_000;

/// The time column as nanoseconds after the first line.
#[derive(Debug, Default)]
pub(super) struct LogClock {
    form: Option<Stamp>,
    base: u64,
    days: u64,
    last: u64,
    now: u64,
}

impl LogClock {
    /// The time of a line. A line without one keeps that of the line before.
    pub(super) fn at(&mut self, stamp: Option<Stamp>) -> u64 {
        let Some(stamp) = stamp else { return self.now };
        let first = self.form.is_none();
        self.form.get_or_insert(stamp);
        match stamp {
            Stamp::Epoch(ns) => {
                if first {
                    self.base = ns;
                }
                self.now = ns.saturating_sub(self.base);
            }
            Stamp::Day(ns) => {
                // Past midnight the hands go back by most of a day.
                if !first && ns.saturating_add(DAY_NS / 2) < self.last {
                    self.days += 1;
                }
                self.last = ns;
                let absolute = self.days.saturating_mul(DAY_NS).saturating_add(ns);
                if first {
                    self.base = absolute;
                }
                self.now = absolute.saturating_sub(self.base);
            }
            Stamp::Step(ns) => {
                if !first {
                    self.now = self.now.saturating_add(ns);
                }
            }
        }
        self.now
    }

    /// The first time since the epoch, where the log has dates.
    pub(super) fn first_ns(&self) -> Option<u64> {
        matches!(self.form, Some(Stamp::Epoch(_))).then_some(self.base)
    }

    pub(super) fn worth(&self) -> &'static str {
        match self.form {
            Some(Stamp::Epoch(_)) => "since the epoch",
            Some(Stamp::Day(_)) => "of the day, without a date; the first line is time 0",
            Some(Stamp::Step(_)) => "steps from call to call; the first line is time 0",
            None => "none; record with -ttt",
        }
    }
}

/// A call whose end has not come yet.
#[derive(Debug)]
pub(super) struct Half {
    pub(super) line: u64,
    pub(super) name: Vec<u8>,
    pub(super) text: Vec<u8>,
    /// The number that a reply takes, from when its write began.
    pub(super) seq: u64,
    pub(super) time_ns: u64,
}

/// Descriptors that are the device, and the mount each belongs to.
#[derive(Debug, Default)]
pub(super) struct Devices {
    known: BTreeMap<u64, Device>,
    connections: u32,
}

#[derive(Clone, Copy, Debug)]
struct Device {
    connection: u32,
    /// Nothing but INIT was read from it: another INIT is the second try of the same mount.
    only_init: bool,
}

impl Devices {
    pub(super) fn is_known(&self, fd: u64) -> bool {
        self.known.contains_key(&fd)
    }

    pub(super) fn count(&self) -> u64 {
        self.known.len() as u64
    }

    pub(super) fn connections(&self) -> u32 {
        self.connections
    }

    /// The mount that a descriptor belongs to; a new one belongs to the latest mount, as clones
    /// of the device do.
    pub(super) fn connection(&mut self, fd: u64) -> u32 {
        self.connections = self.connections.max(1);
        let latest = Device { connection: self.connections, only_init: false };
        self.known.entry(fd).or_insert(latest).connection
    }

    /// The mount of a request, by what it is: INIT begins a new mount.
    pub(super) fn request(&mut self, fd: u64, is_init: bool) -> u32 {
        if is_init {
            let again = self.known.get(&fd).is_some_and(|device| device.only_init);
            if !again {
                self.connections += 1;
                let device = Device { connection: self.connections, only_init: true };
                self.known.insert(fd, device);
            }
        }
        let connection = self.connection(fd);
        if let Some(device) = self.known.get_mut(&fd) {
            device.only_init &= is_init;
        }
        connection
    }

    /// `FUSE_DEV_IOC_CLONE`: `fd` became another opening of what `source` is.
    pub(super) fn cloned(&mut self, fd: u64, source: u64) {
        if let Some(device) = self.known.get(&source).copied() {
            self.known.insert(fd, Device { only_init: false, ..device });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DAY_NS, Devices, LogClock, Stamp};

    #[test]
    fn times_begin_at_the_first_line_whatever_their_form() {
        let run = |stamps: &[Stamp]| {
            let mut clock = LogClock::default();
            stamps.iter().map(|stamp| clock.at(Some(*stamp))).collect::<Vec<u64>>()
        };
        assert_eq!(run(&[Stamp::Epoch(70), Stamp::Epoch(75), Stamp::Epoch(60)]), [0, 5, 0]);
        assert_eq!(run(&[Stamp::Day(DAY_NS - 3), Stamp::Day(2)]), [0, 5]);
        assert_eq!(run(&[Stamp::Day(9), Stamp::Day(8)]), [0, 0]);
        assert_eq!(run(&[Stamp::Step(9), Stamp::Step(5), Stamp::Step(1)]), [0, 5, 6]);
    }

    #[test]
    fn each_init_is_a_mount_unless_it_is_a_second_try() {
        let mut devices = Devices::default();
        assert_eq!(devices.request(3, true), 1);
        assert_eq!(devices.request(3, true), 1);
        assert_eq!(devices.request(3, false), 1);
        assert_eq!(devices.connection(4), 1);
        assert_eq!(devices.request(5, true), 2);
        assert_eq!(devices.request(3, true), 3);
        devices.cloned(6, 5);
        assert_eq!((devices.connection(6), devices.connections()), (2, 3));
    }
}

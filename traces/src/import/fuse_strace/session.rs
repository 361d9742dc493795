//! What is known between the lines: descriptors, halves of calls.

use std::collections::BTreeMap;

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

    /// The latest mount.
    pub(super) fn latest(&mut self) -> u32 {
        self.connections = self.connections.max(1);
        self.connections
    }

    /// The mount that a descriptor belongs to; a new one belongs to the latest mount, as clones
    /// of the device do.
    pub(super) fn connection(&mut self, fd: u64) -> u32 {
        let latest = Device { connection: self.latest(), only_init: false };
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
    use super::Devices;

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

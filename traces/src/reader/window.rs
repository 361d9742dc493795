//! A window on an input that can only be read forwards.

use std::io::{self, Read};

/// Room at first. It grows by doubling, and only when it is full of bytes that were really read,
/// so that memory never runs ahead of the input by more than its size.
const FIRST_ROOM: usize = 16 << 10;

/// The bytes of an input from some offset on, as far as they were asked for.
#[derive(Debug)]
pub(super) struct Window<R> {
    input: R,
    /// Bytes that were read and not consumed are `room[start..end]`.
    room: Vec<u8>,
    start: usize,
    end: usize,
    /// Offset of `room[start]` in the input.
    offset: u64,
    ended: bool,
}

impl<R: Read> Window<R> {
    pub(super) fn new(input: R) -> Window<R> {
        Window { input, room: vec![0; FIRST_ROOM], start: 0, end: 0, offset: 0, ended: false }
    }

    /// Offset of the first byte that was not consumed.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// What is at hand without reading.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.room[self.start..self.end]
    }

    /// Makes at least `want` bytes available, or all that are left; returns whether it could.
    pub(super) fn fill(&mut self, want: usize) -> io::Result<bool> {
        while self.end - self.start < want && !self.ended {
            if self.start > 0 {
                self.room.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
            }
            if self.end == self.room.len() {
                let mut larger = vec![0; 2 * self.room.len()];
                larger[..self.end].copy_from_slice(&self.room);
                self.room = larger;
            }
            match self.input.read(&mut self.room[self.end..]) {
                Ok(0) => self.ended = true,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.end - self.start >= want)
    }

    /// Moves past `count` bytes, which must be at hand.
    pub(super) fn consume(&mut self, count: usize) {
        assert!(count <= self.end - self.start, "only bytes that were looked at are consumed");
        self.start += count;
        self.offset += count as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time, and is interrupted before each.
    struct Drip(u8, bool);

    impl Read for Drip {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            if self.0 == 200 {
                return Ok(0);
            }
            room[0] = self.0;
            self.0 += 1;
            Ok(1)
        }
    }

    #[test]
    fn short_reads_and_interruptions_do_not_show() {
        let mut window = Window::new(Drip(0, false));
        assert!(window.fill(3).expect("the input works"));
        assert_eq!(window.bytes(), [0, 1, 2]);
        window.consume(2);
        assert!(window.fill(5).expect("the input works"));
        assert_eq!((window.bytes(), window.offset()), (&[2, 3, 4, 5, 6][..], 2));
        assert!(!window.fill(1000).expect("the input works"));
        assert_eq!(window.bytes().len(), 198);
    }

    #[test]
    fn room_grows_with_what_is_read_and_not_with_what_is_asked_for() {
        let mut window = Window::new(&[7; 100][..]);
        assert!(!window.fill(1 << 40).expect("the input works"));
        assert_eq!(window.room.len(), FIRST_ROOM);
    }
}

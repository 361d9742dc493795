//! What the kernel offers in INIT and a daemon on a socket cannot take.

use fuserig_traces::wire::RequestHead;

const INIT: u32 = 26;
/// `flags` and `flags2` of `struct fuse_init_in`, behind the head.
const FLAGS: usize = RequestHead::LEN + 12;
const FLAGS2: usize = RequestHead::LEN + 16;
/// Bits of `flags2`: both need an ioctl on the device.
const ALWAYS: [(u32, &str); 2] = [(1 << 5, "passthrough"), (1 << 9, "over_io_uring")];
/// `FUSE_MAX_PAGES`: without it no request has more than 128 KiB of data.
const MAX_PAGES: u32 = 1 << 22;

/// Takes offers out of an INIT request that this way of talking has no room for, and names those
/// that were there. `is_narrow` says that the sockets hold no more than small messages.
pub(super) fn mask(request: &mut [u8], is_narrow: bool) -> Vec<&'static str> {
    let mut masked = Vec::new();
    if RequestHead::parse(request).is_none_or(|head| head.opcode != INIT) {
        return masked;
    }
    for (bit, name) in ALWAYS {
        if clear(request, FLAGS2, bit) {
            masked.push(name);
        }
    }
    if is_narrow && clear(request, FLAGS, MAX_PAGES) {
        masked.push("max_pages");
    }
    masked
}

/// Clears a bit and tells whether it was set; an INIT of an old protocol is shorter.
fn clear(request: &mut [u8], at: usize, bit: u32) -> bool {
    let Some(Ok(field)) = request.get_mut(at..at + 4).map(<&mut [u8; 4]>::try_from) else {
        return false;
    };
    let flags = u32::from_le_bytes(*field);
    *field = (flags & !bit).to_le_bytes();
    flags & bit != 0
}

#[cfg(test)]
mod tests {
    use fuserig_traces::wire::RequestHead;

    use super::{FLAGS, FLAGS2, mask};

    fn message(opcode: u32, len: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let head = RequestHead { len: len as u32, opcode, unique: 2, ..RequestHead::default() };
        head.put(&mut bytes);
        bytes.resize(len, 0xff);
        bytes
    }

    #[test]
    fn offers_that_need_the_device_are_taken_out_of_init_only() {
        let mut init = message(26, 104);
        assert_eq!(mask(&mut init, false), ["passthrough", "over_io_uring"]);
        assert_eq!(init[FLAGS..FLAGS + 4], [0xff; 4]);
        assert_eq!(init[FLAGS2..FLAGS2 + 4], [0xdf, 0xfd, 0xff, 0xff]);
        assert!(mask(&mut init, false).is_empty(), "they are gone");
        assert_eq!(mask(&mut init, true), ["max_pages"]);
        assert_eq!(init[FLAGS..FLAGS + 4], [0xff, 0xff, 0xbf, 0xff]);
        assert!(mask(&mut message(1, 104), true).is_empty());
    }

    #[test]
    fn an_init_of_an_old_protocol_is_left_alone() {
        let mut init = message(26, RequestHead::LEN + 8);
        let before = init.clone();
        assert!(mask(&mut init, true).is_empty());
        assert_eq!(init, before);
    }
}

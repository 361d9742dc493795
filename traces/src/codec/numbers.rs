//! Numbers in the forms in which they are small.

/// Signed numbers as unsigned ones with small magnitudes small: 0, -1, 1, -2, ...
pub(super) fn zigzag(number: i64) -> u64 {
    (number.cast_unsigned() << 1) ^ (number >> 63).cast_unsigned()
}

/// The inverse of [`zigzag`].
pub(super) fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -((number & 1).cast_signed())
}

/// `seq_reply` as the distance from `seq_send`, with 0 for the reply that never came.
///
/// The distance 0 and the distance to zero change places, so that every pair survives. Applying
/// it to its own result gives the reply's number back, see [`ungap`].
pub(super) fn gap(send: u64, reply: u64) -> u64 {
    swap_gap(send, reply.wrapping_sub(send))
}

pub(super) fn ungap(send: u64, gap: u64) -> u64 {
    send.wrapping_add(swap_gap(send, gap))
}

fn swap_gap(send: u64, distance: u64) -> u64 {
    let to_zero = send.wrapping_neg();
    if distance == 0 {
        to_zero
    } else if distance == to_zero {
        0
    } else {
        distance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signed_numbers_survive_and_stay_small() {
        for number in [0, -1, 1, -2, 63, -64, i64::MAX, i64::MIN] {
            assert_eq!(unzigzag(zigzag(number)), number);
        }
        assert_eq!([0, -1, 1, -2].map(zigzag), [0, 1, 2, 3]);
    }

    #[test]
    fn every_pair_of_sequence_numbers_survives() {
        for send in [0, 1, 2, 17, u64::MAX - 1, u64::MAX] {
            for reply in [0, 1, 2, 16, 17, 18, u64::MAX - 1, u64::MAX] {
                assert_eq!(ungap(send, gap(send, reply)), reply, "{send}-{reply}");
            }
        }
        assert_eq!((gap(17, 18), gap(17, 0)), (1, 0));
    }
}

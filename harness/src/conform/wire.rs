//! Where a request's body holds what depends on the day of the recording.

use fuserig_abi::{Opcode, Phase};

/// How such bytes are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Inode numbers correspond one to one.
    Inode,
    /// Times of the day of the recording are alike.
    Time,
    /// The size of a directory on ext4 is its own affair.
    Size,
    /// Not at all.
    Any,
    /// Directory records, field by field.
    Records,
}

/// `struct fuse_attr` at an offset.
fn attr(at: usize) -> Vec<(usize, usize, Kind)> {
    vec![
        (at, 8, Kind::Inode),
        (at + 8, 8, Kind::Size),
        (at + 16, 8, Kind::Any),
        (at + 24, 8, Kind::Time),
        (at + 32, 8, Kind::Time),
        (at + 40, 8, Kind::Time),
        (at + 48, 12, Kind::Any),
        (at + 80, 4, Kind::Any),
    ]
}

/// The varying parts of the body of a request: offset, length and kind.
pub(super) fn spans(opcode: Opcode, pieces: &[u32]) -> Vec<(usize, usize, Kind)> {
    let start = |piece: usize| pieces[..piece].iter().map(|&length| length as usize).sum::<usize>();
    match (opcode.base(), opcode.phase()) {
        (Opcode::FLUSH, None) => vec![(16, 8, Kind::Any)],
        (Opcode::SETATTR, phase) => {
            let mut list = vec![
                (32, 8, Kind::Time),
                (40, 8, Kind::Time),
                (48, 8, Kind::Time),
                (56, 12, Kind::Any),
            ];
            if phase.is_none() {
                list.push((24, 8, Kind::Any));
            }
            list
        }
        (Opcode::LOOKUP, Some(Phase::Post)) if pieces.len() >= 2 => attr(start(1) + 40),
        (Opcode::GETATTR, Some(Phase::Post)) if pieces.len() >= 2 => attr(start(1) + 16),
        (Opcode::STATFS, Some(Phase::Post)) => vec![(0, 40, Kind::Any)],
        (Opcode::READDIR, Some(Phase::Post)) if pieces.len() >= 3 => {
            vec![(start(2), pieces[2] as usize, Kind::Records)]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use fuserig_abi::Op;

    use super::{Kind, Opcode, Phase, spans};

    const VARYING: [Op; 6] =
        [Op::Lookup, Op::Getattr, Op::Setattr, Op::Statfs, Op::Readdir, Op::Flush];

    #[test]
    fn the_attributes_of_a_lookup_lie_behind_its_name() {
        let opcode = Opcode::LOOKUP.with_phase(Phase::Post);
        let list = spans(opcode, &[3, 128, 0]);
        assert_eq!(list[0], (43, 8, Kind::Inode));
        assert_eq!(list.last(), Some(&(123, 4, Kind::Any)));
    }

    #[test]
    fn the_rest_is_compared_byte_by_byte() {
        for op in Op::ALL {
            let opcodes = [
                op.opcode(),
                op.opcode().with_phase(Phase::Pre),
                op.opcode().with_phase(Phase::Post),
            ];
            let varies = opcodes.iter().any(|&code| !spans(code, &[1, 2, 3]).is_empty());
            assert_eq!(varies, VARYING.contains(&op), "{op:?}");
        }
    }
}

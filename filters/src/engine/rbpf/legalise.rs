//! Rewriting what rbpf 0.4.1 gets wrong, refusing what it cannot do.
//!
//! | form | what rbpf does | here |
//! |---|---|---|
//! | 64-bit jeq to jle with a negative immediate | extends it with zeros | two signed jumps |
//! | mod32 by a zero register | keeps the upper half | a test before it |
//! | division and modulo by a zero immediate | refuses | a move |
//! | neg64 of the most negative number | may panic | complement and add |
//! | movsx, signed loads | executes the plain form | shifts |
//! | bswap | refuses | be, on hosts that are little-endian |
//! | gotol | refuses | ja, where the distance fits |
//! | sdiv, smod, atomics, helpers, kernel functions, maps | wrong or refused | refused |
//! | more than 32767 instructions | loses the position | refused |

use thiserror::Error;

use crate::program::{Insn, PSEUDO_CALL};

/// Positions are kept in 16 bits.
const INSNS_MAX: usize = 32_767;

/// A form that rbpf cannot be asked about.
///
/// ```
/// use fuserig_filters::engine::rbpf::legalise;
/// use fuserig_filters::engine::vectors::assemble;
/// let insns = assemble("sdiv %r0, 2\nexit").expect("assembler");
/// let error = legalise(&insns).unwrap_err();
/// assert_eq!(error.to_string(), "instruction 0: rbpf executes signed division as unsigned");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("instruction {insn}: {reason}")]
pub struct IllegalForm {
    /// Its position.
    pub insn: usize,
    /// Why not.
    pub reason: &'static str,
}

/// Where a jump of the result goes.
#[derive(Clone, Copy)]
enum To {
    /// As its offset says, within the rewritten form.
    Here,
    /// To what this instruction of the input became.
    Input(i64),
}

/// A program that rbpf runs as RFC 9669 says. The input is legal, as [`crate::engine::Code`] says.
///
/// # Errors
/// The first form that cannot be rewritten.
pub fn legalise(insns: &[Insn]) -> Result<Vec<Insn>, IllegalForm> {
    let mut output: Vec<(Insn, To)> = Vec::with_capacity(insns.len() + insns.len() / 4);
    let mut starts = Vec::with_capacity(insns.len());
    let mut at = 0;
    while at < insns.len() {
        starts.push(output.len());
        let refuse = |reason| IllegalForm { insn: at, reason };
        let form = rewrite(insns[at], at).map_err(refuse)?;
        output.extend(form);
        if insns[at].code == 0x18 {
            at += 1;
            starts.push(output.len());
            output.push((insns.get(at).copied().unwrap_or_default(), To::Here));
        }
        at += 1;
    }
    starts.push(output.len());
    if output.len() > INSNS_MAX {
        let reason = "rbpf loses its place beyond 32767 instructions";
        return Err(IllegalForm { insn: 0, reason });
    }
    let mut result = Vec::with_capacity(output.len());
    for (place, (mut insn, to)) in output.into_iter().enumerate() {
        if let To::Input(target) = to {
            let far = IllegalForm { insn: place, reason: "a jump does not reach its target" };
            let start = usize::try_from(target).ok().and_then(|target| starts.get(target));
            let distance = *start.ok_or(far)? as i64 - place as i64 - 1;
            if insn.code == 0x85 {
                insn.imm = i32::try_from(distance).map_err(|_error| far)?;
            } else {
                insn.off = i16::try_from(distance).map_err(|_error| far)?;
            }
        }
        result.push(insn);
    }
    Ok(result)
}

type Form = Vec<(Insn, To)>;

fn rewrite(insn: Insn, at: usize) -> Result<Form, &'static str> {
    let target = |distance: i64| To::Input(at as i64 + 1 + distance);
    match insn.code & 7 {
        0 if insn.src != 0 => Err("rbpf has no maps and no addresses of functions"),
        0 | 2 => Ok(vec![(insn, To::Here)]),
        1 => Ok(load(insn)),
        3 if insn.code & 0xe0 == 0xc0 => Err("rbpf has no atomics"),
        3 => Ok(vec![(insn, To::Here)]),
        5 | 6 => match insn.code {
            0x05 => Ok(vec![(insn, target(insn.off.into()))]),
            0x06 => {
                let plain = Insn { code: 0x05, imm: 0, ..insn };
                Ok(vec![(plain, target(insn.imm.into()))])
            }
            0x85 if insn.src == PSEUDO_CALL => Ok(vec![(insn, target(insn.imm.into()))]),
            0x85 => Err("rbpf calls helpers with host addresses and no context"),
            0x95 => Ok(vec![(insn, To::Here)]),
            _ if insn.code & 0x0f == 0x05 && insn.imm < 0 => {
                Ok(negative(insn, target(insn.off.into())))
            }
            _ => Ok(vec![(insn, target(insn.off.into()))]),
        },
        _ => arithmetic(insn),
    }
}

fn load(insn: Insn) -> Form {
    let width = match insn.code {
        0x91 => 56,
        0x89 => 48,
        0x81 => 32,
        _ => return vec![(insn, To::Here)],
    };
    let plain = Insn { code: insn.code ^ 0xe0, ..insn };
    let shift = |code| Insn { code, src: 0, off: 0, imm: width, ..insn };
    vec![(plain, To::Here), (shift(0x67), To::Here), (shift(0xc7), To::Here)]
}

/// A 64-bit comparison with a negative immediate, by signed jumps, which rbpf does right.
fn negative(insn: Insn, target: To) -> Form {
    const SGT: u8 = 0x65;
    const SGE: u8 = 0x75;
    const SLT: u8 = 0xc5;
    const SLE: u8 = 0xd5;
    let jump = |code, imm| Insn { code, src: 0, off: 0, imm, ..insn };
    let skip = |code, imm, off| (Insn { code, src: 0, off, imm, ..insn }, To::Here);
    let go = (Insn { code: 0x05, dst: 0, src: 0, off: 0, imm: 0 }, target);
    let k = insn.imm;
    match insn.code >> 4 {
        // ==: neither above nor below.
        0x1 => vec![skip(SGT, k, 2), skip(SLT, k, 1), go],
        // !=
        0x5 => vec![(jump(SGT, k), target), (jump(SLT, k), target)],
        // >, >= unsigned: negative, and above it as signed numbers.
        0x2 => vec![skip(SGE, 0, 2), skip(SLE, k, 1), go],
        0x3 => vec![skip(SGE, 0, 2), skip(SLT, k, 1), go],
        // <, <= unsigned: not negative, or below it.
        0xa => vec![(jump(SGE, 0), target), (jump(SLT, k), target)],
        0xb => vec![(jump(SGE, 0), target), (jump(SLE, k), target)],
        _ => vec![(insn, target)],
    }
}

fn arithmetic(insn: Insn) -> Result<Form, &'static str> {
    let is_x = insn.code & 8 != 0;
    let is_32 = insn.code & 7 == 4;
    let class = insn.code & 7;
    let here = |insns: &[Insn]| insns.iter().map(|insn| (*insn, To::Here)).collect();
    let with = |code, src, imm| Insn { code, src, off: 0, imm, ..insn };
    Ok(match (insn.code >> 4, insn.off) {
        (0x3 | 0x9, 1) => return Err("rbpf executes signed division as unsigned"),
        (0x3, _) if !is_x && insn.imm == 0 => here(&[with(0xb0 | class, 0, 0)]),
        (0x9, _) if !is_x && insn.imm == 0 => {
            here(&[Insn { code: 0xb8 | class, src: insn.dst, ..insn }])
        }
        (0x9, _) if is_x && is_32 => here(&[
            Insn { code: 0x56, dst: insn.src, src: 0, off: 2, imm: 0 },
            with(0xbc, insn.dst, 0),
            Insn { code: 0x05, dst: 0, src: 0, off: 1, imm: 0 },
            insn,
        ]),
        (0x8, _) if !is_32 => here(&[with(0xa7, 0, -1), with(0x07, 0, 1)]),
        (0xb, width @ (8 | 16 | 32)) => {
            let bits = if is_32 { 32 } else { 64 };
            let by = bits - i32::from(width);
            here(&[
                with(insn.code, insn.src, 0),
                with(0x60 | class, 0, by),
                with(0xc0 | class, 0, by),
            ])
        }
        (0xd, _) if !is_32 => {
            if cfg!(target_endian = "big") {
                return Err("rbpf has no bswap");
            }
            here(&[Insn { code: 0xdc, ..insn }])
        }
        _ => here(&[insn]),
    })
}

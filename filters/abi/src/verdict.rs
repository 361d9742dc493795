//! What a filter returns, as its author writes it and as the pipeline reads it.
//!
//! A code is any 32-bit number, read as signed, without a range check (SEMANTICS 2.3). A reader
//! would get wrong that a code means different things in the two stages and versions: 5 is
//! CALL_DEFAULT in v4 and a number without a meaning in v3.

use core::fmt;

use crate::{Abi, Errno};

/// Run the lower step; no postfilter.
pub const BPF_FUSE_CONTINUE: u32 = 0;
/// Leave the pipeline for the ordinary request.
pub const BPF_FUSE_USER: u32 = 1;
/// Ask the daemon before the lower step.
pub const BPF_FUSE_USER_PREFILTER: u32 = 2;
/// Run the lower step, then the postfilter.
pub const BPF_FUSE_POSTFILTER: u32 = 3;
/// Run the lower step, then ask the daemon.
pub const BPF_FUSE_USER_POSTFILTER: u32 = 4;
/// v4: call the default filter.
pub const BPF_FUSE_CALL_DEFAULT: u32 = 5;

/// A decision of a filter.
///
/// ```
/// use fuserig_abi::{Abi, Errno, Verdict};
/// assert_eq!(Verdict::Error(Errno::ENOENT).code() as i32, -2);
/// assert_eq!(Verdict::decode(Abi::V4, 5), Verdict::CallDefault);
/// assert_eq!(Verdict::decode(Abi::V3, 5), Verdict::Unknown(5));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Run the lower step and stop there.
    Continue,
    /// Leave the pipeline: the ordinary FUSE request is sent. Ignored in a postfilter (PIPE-4).
    User,
    /// Send the PREFILTER request to the daemon. Ignored in a postfilter.
    UserPrefilter,
    /// Run the lower step, then call the postfilter. Ignored in a postfilter.
    Postfilter,
    /// Send the POSTFILTER request to the daemon after the lower step.
    UserPostfilter,
    /// v4: let the default filter decide.
    CallDefault,
    /// Fail with this error.
    Error(Errno),
    /// A positive code that the version does not define (PIPE-6).
    Unknown(u32),
}

impl Verdict {
    /// The number a filter returns.
    pub const fn code(self) -> u32 {
        match self {
            Verdict::Continue => BPF_FUSE_CONTINUE,
            Verdict::User => BPF_FUSE_USER,
            Verdict::UserPrefilter => BPF_FUSE_USER_PREFILTER,
            Verdict::Postfilter => BPF_FUSE_POSTFILTER,
            Verdict::UserPostfilter => BPF_FUSE_USER_POSTFILTER,
            Verdict::CallDefault => BPF_FUSE_CALL_DEFAULT,
            Verdict::Error(errno) => errno.negative() as u32,
            Verdict::Unknown(code) => code,
        }
    }

    /// What a number means to a version.
    pub const fn decode(abi: Abi, code: u32) -> Verdict {
        let signed = code as i32;
        if signed < 0 {
            return Verdict::Error(Errno(signed.wrapping_neg()));
        }
        match (code, abi) {
            (BPF_FUSE_CONTINUE, _) => Verdict::Continue,
            (BPF_FUSE_USER, _) => Verdict::User,
            (BPF_FUSE_USER_PREFILTER, _) => Verdict::UserPrefilter,
            (BPF_FUSE_POSTFILTER, _) => Verdict::Postfilter,
            (BPF_FUSE_USER_POSTFILTER, _) => Verdict::UserPostfilter,
            (BPF_FUSE_CALL_DEFAULT, Abi::V4) => Verdict::CallDefault,
            _ => Verdict::Unknown(code),
        }
    }

    /// The code as the pipeline compares it: signed, whatever it is.
    pub const fn next(self) -> i32 {
        self.code() as i32
    }
}

/// The bits of an Android program's return value with their names (SEMANTICS 2.11, 3.1).
const ANDROID_BITS: [(u32, &str); 3] = [(1, "USER_FILTER"), (2, "BACKING"), (4, "POST_FILTER")];

/// What a return value is called under an ABI: the name of a code, the names of Android's bits
/// joined by `|` (`ORDINARY` when none is set), the errno of a negative value, else the number.
///
/// ```
/// use fuserig_abi::{Abi, code_label};
/// assert_eq!(code_label(Abi::V4, 5), "CALL_DEFAULT");
/// assert_eq!(code_label(Abi::V3, 5), "code 5");
/// assert_eq!(code_label(Abi::Android, 6), "BACKING|POST_FILTER");
/// assert_eq!(code_label(Abi::Android, 0), "ORDINARY");
/// assert_eq!(code_label(Abi::Android, 10), "BACKING|0x8");
/// assert_eq!(code_label(Abi::V4, -2), "ENOENT");
/// ```
pub fn code_label(abi: Abi, code: i32) -> String {
    let Ok(bits) = u32::try_from(code) else {
        return match code {
            -4095..0 => Errno(-code).to_string(),
            _ => code.to_string(),
        };
    };
    if abi != Abi::Android {
        return Verdict::decode(abi, bits).to_string();
    }
    let set = ANDROID_BITS.iter().filter(|(bit, _)| bits & bit != 0);
    let mut words: Vec<String> = set.map(|(_, name)| (*name).to_owned()).collect();
    if bits > 7 {
        words.push(format!("{:#x}", bits & !7));
    }
    if words.is_empty() { "ORDINARY".to_owned() } else { words.join("|") }
}

/// The value of Android's bits by the names that [`code_label`] gives them; none for another word.
///
/// ```
/// use fuserig_abi::android_code;
/// assert_eq!(android_code("BACKING|POST_FILTER"), Some(6));
/// assert_eq!(android_code("ORDINARY"), Some(0));
/// assert_eq!(android_code("CONTINUE"), None);
/// ```
pub fn android_code(word: &str) -> Option<u32> {
    if word == "ORDINARY" {
        return Some(0);
    }
    let bit = |word: &str| ANDROID_BITS.iter().find(|(_, name)| *name == word).map(|(bit, _)| *bit);
    word.split('|').try_fold(0, |code, word| Some(code | bit(word)?))
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Continue => f.write_str("CONTINUE"),
            Verdict::User => f.write_str("USER"),
            Verdict::UserPrefilter => f.write_str("USER_PREFILTER"),
            Verdict::Postfilter => f.write_str("POSTFILTER"),
            Verdict::UserPostfilter => f.write_str("USER_POSTFILTER"),
            Verdict::CallDefault => f.write_str("CALL_DEFAULT"),
            Verdict::Error(errno) => write!(f, "-{errno}"),
            Verdict::Unknown(code) => write!(f, "code {code}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict;
    use crate::{Abi, Errno};

    #[test]
    fn every_code_survives_decoding_in_both_versions() {
        for abi in Abi::POSTED {
            let codes = (0..10).chain([i32::MAX as u32, i32::MIN as u32, u32::MAX, 0xffff_f000]);
            for code in codes {
                assert_eq!(Verdict::decode(abi, code).code(), code, "{abi} {code:#x}");
            }
        }
    }

    #[test]
    fn codes_above_the_last_defined_one_are_unknown() {
        for abi in Abi::POSTED {
            let last = abi.last_code();
            assert!(!matches!(Verdict::decode(abi, last), Verdict::Unknown(_)), "{abi}");
            assert_eq!(Verdict::decode(abi, last + 1), Verdict::Unknown(last + 1), "{abi}");
        }
    }

    #[test]
    fn a_negative_code_is_an_error_without_a_range_check() {
        let verdict = Verdict::decode(Abi::V3, -1_000_000_i32 as u32);
        assert_eq!(verdict, Verdict::Error(Errno(1_000_000)));
        assert_eq!(verdict.next(), -1_000_000);
        assert_eq!(Verdict::Error(Errno::EPERM).to_string(), "-EPERM");
    }
}

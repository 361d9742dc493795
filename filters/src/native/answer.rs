//! What a member may return.
//!
//! Whatever the type, a code of 32 bits reaches the pipeline, unchecked as in the kernel
//! (SEMANTICS 2.3). A reader would get wrong that `0` and `Verdict::Continue` are the same answer
//! while `Err(Errno(0))` is a third spelling of it, not an error.

use fuserig_abi::{Errno, Verdict};

/// A value that a member of [`crate::FuseOps`] may return: a verdict, a raw code, an errno that is
/// returned negated, or a result of the two. Source: SEMANTICS 2.3.
///
/// ```
/// use fuserig_abi::{Errno, Verdict};
/// use fuserig_filters::Answer;
/// assert_eq!(Answer::code(Verdict::Postfilter), 3);
/// assert_eq!(Answer::code(Errno::EPERM), -1_i32 as u32);
/// assert_eq!(Answer::code(Err::<Verdict, Errno>(Errno::ENOENT)), -2_i32 as u32);
/// ```
pub trait Answer {
    /// The number the pipeline reads.
    fn code(self) -> u32;
}

impl Answer for Verdict {
    fn code(self) -> u32 {
        Verdict::code(self)
    }
}

impl Answer for u32 {
    fn code(self) -> u32 {
        self
    }
}

impl Answer for i32 {
    fn code(self) -> u32 {
        self as u32
    }
}

impl Answer for Errno {
    fn code(self) -> u32 {
        self.negative() as u32
    }
}

impl<T: Answer, E: Answer> Answer for Result<T, E> {
    fn code(self) -> u32 {
        match self {
            Ok(answer) => answer.code(),
            Err(answer) => answer.code(),
        }
    }
}

#[cfg(test)]
mod tests {
    use fuserig_abi::{Errno, Verdict};

    use super::Answer;

    fn check(answer: impl Answer, expected: i32) {
        assert_eq!(answer.code() as i32, expected);
    }

    #[test]
    fn every_kind_of_answer_becomes_the_number_of_the_kernel() {
        check(Verdict::Continue, 0);
        check(Verdict::Error(Errno::EROFS), -30);
        check(Verdict::Unknown(77), 77);
        check(9_u32, 9);
        check(-1_000_000, -1_000_000);
        check(Errno::ENOENT, -2);
        check(Ok::<Verdict, Errno>(Verdict::UserPostfilter), 4);
        check(Err::<Verdict, Errno>(Errno::EDQUOT), -122);
    }
}

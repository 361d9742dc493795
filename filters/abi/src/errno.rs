//! Linux error numbers as data of the simulated world.
//!
//! An [`Errno`] lives in a reply and is recorded; it is never an error of fuserig itself. Filters
//! may return any negative number, so values without a name are legal (KERNEL-OBSERVED N3).

use core::fmt;

/// A Linux error number, kept positive. Values outside 1..=4095 are legal: a filter can return
/// them and the modelled kernels hand them on.
///
/// ```
/// use fuserig_abi::Errno;
/// assert_eq!(Errno::ENOENT.name(), Some("ENOENT"));
/// assert_eq!(Errno(512).to_string(), "E512");
/// assert_eq!(Errno::from_name("EXDEV"), Some(Errno::EXDEV));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Errno(pub i32);

macro_rules! errnos {
    ($($name:ident = $value:literal),* $(,)?) => {
        impl Errno {
            $(
                #[doc = concat!("Linux `", stringify!($name), "`, ", stringify!($value), ".")]
                pub const $name: Errno = Errno($value);
            )*

            /// The symbolic name, or `None` for a number that Linux does not name.
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($name)),)*
                    _ => None,
                }
            }

            /// The number behind a symbolic name. Accepts the alias `ENOTSUP` and the form `E512`.
            pub fn from_name(name: &str) -> Option<Errno> {
                match name {
                    $(stringify!($name) => Some(Errno($value)),)*
                    "ENOTSUP" => Some(Errno::EOPNOTSUPP),
                    "EWOULDBLOCK" => Some(Errno::EAGAIN),
                    "EDEADLOCK" => Some(Errno::EDEADLK),
                    _ => name.strip_prefix('E')?.parse().ok().map(Errno),
                }
            }
        }
    };
}

errnos! {
    EPERM = 1, ENOENT = 2, ESRCH = 3, EINTR = 4, EIO = 5, ENXIO = 6, E2BIG = 7, ENOEXEC = 8,
    EBADF = 9, ECHILD = 10, EAGAIN = 11, ENOMEM = 12, EACCES = 13, EFAULT = 14, ENOTBLK = 15,
    EBUSY = 16, EEXIST = 17, EXDEV = 18, ENODEV = 19, ENOTDIR = 20, EISDIR = 21, EINVAL = 22,
    ENFILE = 23, EMFILE = 24, ENOTTY = 25, ETXTBSY = 26, EFBIG = 27, ENOSPC = 28, ESPIPE = 29,
    EROFS = 30, EMLINK = 31, EPIPE = 32, EDOM = 33, ERANGE = 34, EDEADLK = 35,
    ENAMETOOLONG = 36, ENOLCK = 37, ENOSYS = 38, ENOTEMPTY = 39, ELOOP = 40, ENOMSG = 42,
    EIDRM = 43, ENOSTR = 60, ENODATA = 61, ETIME = 62, ENOLINK = 67, EPROTO = 71,
    EBADMSG = 74, EOVERFLOW = 75, EILSEQ = 84, EUSERS = 87, ENOTSOCK = 88, EDESTADDRREQ = 89,
    EMSGSIZE = 90, EPROTOTYPE = 91, ENOPROTOOPT = 92, EPROTONOSUPPORT = 93, EOPNOTSUPP = 95,
    EAFNOSUPPORT = 97, EADDRINUSE = 98, EADDRNOTAVAIL = 99, ENETDOWN = 100, ENETUNREACH = 101,
    ECONNABORTED = 103, ECONNRESET = 104, ENOBUFS = 105, EISCONN = 106, ENOTCONN = 107,
    ETIMEDOUT = 110, ECONNREFUSED = 111, EHOSTDOWN = 112, EHOSTUNREACH = 113, EALREADY = 114,
    EINPROGRESS = 115, ESTALE = 116, EUCLEAN = 117, EDQUOT = 122, ENOMEDIUM = 123,
    EMEDIUMTYPE = 124, ECANCELED = 125, ENOKEY = 126, EKEYEXPIRED = 127, EKEYREVOKED = 128,
    EKEYREJECTED = 129, EOWNERDEAD = 130, ENOTRECOVERABLE = 131, ERFKILL = 132,
}

impl Errno {
    /// The negative form that kernel interfaces and filters return.
    pub const fn negative(self) -> i32 {
        self.0.wrapping_neg()
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "E{}", self.0),
        }
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl core::error::Error for Errno {}

#[cfg(test)]
mod tests {
    use super::Errno;

    #[test]
    fn every_name_maps_back_to_its_number() {
        for number in 1..=4095 {
            let errno = Errno(number);
            assert_eq!(Errno::from_name(&errno.to_string()), Some(errno), "errno {number}");
        }
    }

    #[test]
    fn a_word_that_is_no_errno_is_refused() {
        for word in ["", "E", "ENOPE", "enoent", "12"] {
            assert_eq!(Errno::from_name(word), None, "{word}");
        }
    }
}

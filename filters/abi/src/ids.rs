//! Identities as newtypes, so that a number of one kind cannot be used as another.
//!
//! Every type says who mints the value, who owns it and when it dies. Nothing here allocates or
//! checks: a value that names nothing is legal and earns an errno where it is used.

use core::fmt;

macro_rules! id {
    ($(#[$meta:meta])* $name:ident($inner:ty)) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub $inner);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

id! {
    /// What the FUSE protocol calls a node. The daemon mints it in a lookup reply and it dies with
    /// FORGET. Nodes served by the pipeline usually have nodeid 0, so it is not unique
    /// (SEMANTICS 7.6).
    ///
    /// ```
    /// use fuserig_abi::NodeId;
    /// assert_eq!(NodeId::ROOT.0, 1);
    /// ```
    NodeId(u64)
}

impl NodeId {
    /// `FUSE_ROOT_ID`, the node of the mount's root.
    pub const ROOT: NodeId = NodeId(1);
}

id! {
    /// An inode of the lower filesystem. The lower mints it, never uses it twice, and it stays
    /// addressable until it is forgotten, even when its last name is gone.
    ///
    /// ```
    /// use fuserig_abi::Ino;
    /// assert_eq!(format!("{}", Ino(7)), "7");
    /// ```
    Ino(u64)
}

id! {
    /// The file handle number of the FUSE protocol. The daemon (or a filter, through
    /// `fuse_open_out`) mints it, the kernel echoes it, and it dies with RELEASE.
    ///
    /// ```
    /// use fuserig_abi::Fh;
    /// assert_eq!(Fh::default(), Fh(0));
    /// ```
    Fh(u64)
}

id! {
    /// The identity of one request on the wire, minted by the kernel, dead with its reply.
    ///
    /// ```
    /// use fuserig_abi::Unique;
    /// assert!(Unique(2) < Unique(4));
    /// ```
    Unique(u64)
}

id! {
    /// A user id as the lower filesystem sees it.
    ///
    /// ```
    /// use fuserig_abi::Uid;
    /// assert_eq!(Uid::ROOT.0, 0);
    /// ```
    Uid(u32)
}

impl Uid {
    /// The super-user.
    pub const ROOT: Uid = Uid(0);
}

id! {
    /// A group id as the lower filesystem sees it.
    ///
    /// ```
    /// use fuserig_abi::Gid;
    /// assert_eq!(Gid::ROOT.0, 0);
    /// ```
    Gid(u32)
}

impl Gid {
    /// The super-user's group.
    pub const ROOT: Gid = Gid(0);
}

id! {
    /// A process as the trace names it. Minted by whoever issued the system call.
    ///
    /// ```
    /// use fuserig_abi::Pid;
    /// assert_eq!(Pid(12).to_string(), "12");
    /// ```
    Pid(u32)
}

/// A device number split as Linux splits it.
///
/// ```
/// use fuserig_abi::Device;
/// let null = Device { major: 1, minor: 3 };
/// assert_eq!(Device::decode(null.encode()), null);
/// assert_eq!(null.to_string(), "1:3");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Device {
    /// Major number, 12 bits in the kernel's encoding.
    pub major: u32,
    /// Minor number, 20 bits in the kernel's encoding.
    pub minor: u32,
}

impl Device {
    /// The 32-bit form that FUSE carries (`new_encode_dev`): minor low byte, major, minor rest.
    pub fn encode(self) -> u32 {
        (self.minor & 0xff) | ((self.major & 0xfff) << 8) | ((self.minor & 0xfff00) << 12)
    }

    /// The inverse of [`Device::encode`].
    pub fn decode(encoded: u32) -> Device {
        Device {
            major: (encoded >> 8) & 0xfff,
            minor: (encoded & 0xff) | ((encoded >> 12) & 0xfff00),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.major, self.minor)
    }
}

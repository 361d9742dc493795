//! How a wire struct is written down once: the struct, its kernel name and its layout.
//!
//! The layout is taken from the compiler (`offset_of!`), so the test that compares it with the
//! tables cannot forget a field. Only little-endian 64-bit layouts exist here.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

#[cfg(target_endian = "big")]
compile_error!(
    "fuserig models 64-bit little-endian kernels and reads their structs as plain integers"
);

/// Where one field of a wire struct lies, in bytes.
///
/// ```
/// use fuserig_abi::{FuseOpenIn, WireStruct};
/// let field = FuseOpenIn::KERNEL_LAYOUT.fields[1];
/// assert_eq!((field.name, field.offset, field.size), ("open_flags", 4, 4));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldLayout {
    /// The kernel's name of the field. Names that begin with `pad` and a digit are ours.
    pub name: &'static str,
    /// Distance from the start of the struct.
    pub offset: usize,
    /// Length of the field.
    pub size: usize,
}

/// The layout of a wire struct under its kernel name.
///
/// ```
/// use fuserig_abi::{FuseAttrOut, WireStruct};
/// assert_eq!(FuseAttrOut::KERNEL_LAYOUT.name, "fuse_attr_out");
/// assert_eq!(FuseAttrOut::KERNEL_LAYOUT.size, 104);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StructLayout {
    /// The kernel's name of the struct.
    pub name: &'static str,
    /// Length in bytes.
    pub size: usize,
    /// Alignment in bytes.
    pub align: usize,
    /// All fields in order.
    pub fields: &'static [FieldLayout],
}

/// A struct with a kernel layout that may be read from and written to raw bytes.
///
/// ```
/// use fuserig_abi::{FuseAccessIn, WireStruct};
/// fn name<T: WireStruct>() -> &'static str { T::KERNEL_LAYOUT.name }
/// assert_eq!(name::<FuseAccessIn>(), "fuse_access_in");
/// ```
pub trait WireStruct:
    FromBytes + IntoBytes + KnownLayout + Immutable + Copy + core::fmt::Debug
{
    /// Kernel name, size and fields.
    const KERNEL_LAYOUT: StructLayout;
}

/// `r#type` is written as the kernel writes it.
pub(super) const fn plain(name: &'static str) -> &'static str {
    match name.as_bytes() {
        [b'r', b'#', ..] => name.split_at(2).1,
        _ => name,
    }
}

macro_rules! wire_struct {
    (
        $(#[$meta:meta])*
        $name:ident = $kernel:literal, $size:literal {
            $($(#[$field_meta:meta])* $field:ident: $ty:ty,)*
        }
    ) => {
        $(#[$meta])*
        ///
        #[doc = concat!(
            "```\nassert_eq!(size_of::<fuserig_abi::", stringify!($name), ">(), ",
            stringify!($size), ");\n```"
        )]
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq,
            zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::KnownLayout, zerocopy::Immutable,
        )]
        #[repr(C)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $ty,)*
        }

        impl $crate::wire::WireStruct for $name {
            const KERNEL_LAYOUT: $crate::wire::StructLayout = $crate::wire::StructLayout {
                name: $kernel,
                size: size_of::<$name>(),
                align: align_of::<$name>(),
                fields: &[$($crate::wire::FieldLayout {
                    name: $crate::wire::layout::plain(stringify!($field)),
                    offset: core::mem::offset_of!($name, $field),
                    size: size_of::<$ty>(),
                },)*],
            };
        }

        const _: () = assert!(size_of::<$name>() == $size);
    };
}

pub(super) use wire_struct;

//! The header as a whole: types, kernel functions, macros.

use super::{macros, types};
use crate::btf::Btf;
use crate::description::Description;

/// The header of an ABI.
///
/// ```
/// use fuserig_abi::{Abi, AbiTable, c_header};
/// let header = c_header(AbiTable::of(Abi::V4).description());
/// assert!(header.contains("uint32_t (*open_prefilter)(const struct bpf_fuse_meta_info *, "));
/// assert!(header.contains("#define BPF_FUSE_CALL_DEFAULT 5\n"));
/// ```
pub fn c_header(description: &Description) -> String {
    let btf = Btf::of_description(description);
    let guard = format!("FUSERIG_{}_H", description.abi.to_uppercase().replace('-', "_"));
    let mut text = format!(
        "/* {}: {}.\n \
         * Printed by `fuserig abi header --abi {}`; include it before libbpf's headers. */\n\
         #ifndef {guard}\n#define {guard}\n\n",
        description.abi, description.title, description.abi
    );
    text.push_str(
        "#ifndef BPF_NO_PRESERVE_ACCESS_INDEX\n\
         #pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)\n\
         #endif\n\n",
    );
    types::print(&mut text, &btf);
    text.push_str("#ifndef BPF_NO_PRESERVE_ACCESS_INDEX\n#pragma clang attribute pop\n#endif\n\n");
    types::print_sizes(&mut text, &btf);
    types::print_kfuncs(&mut text, &btf);
    macros::print(&mut text, description);
    text.push_str(&format!("#endif /* {guard} */\n"));
    text
}

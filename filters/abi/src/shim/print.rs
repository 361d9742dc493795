//! The header as a whole.

use core::fmt::Write as _;

use super::lacking::{self, Side};
use super::{families, programs};
use crate::description::{Description, built_in};
use crate::diff::AbiDiff;
use crate::spec::AbiSpec;

/// Why there is no header for a pair of ABIs.
///
/// ```
/// use fuserig_abi::{ShimError, c_shim};
/// assert_eq!(c_shim("v3", "v3"), Err(ShimError::Same));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShimError {
    /// No built-in ABI has the name.
    #[error("unknown ABI {0}: v3, v4 or v3-grouped (see `fuserig abi list`)")]
    Unknown(String),
    /// Both are one.
    #[error("a source builds for one ABI without a header between; name two")]
    Same,
    /// One of the two has no struct of callbacks to fill.
    #[error("{0} has one program and no struct of callbacks; write its filter apart")]
    NoStruct(String),
    /// The source would be written for families, which say less than members.
    #[error("sources are written for members and not for families; use --from {0} --to v3-grouped")]
    FromFamilies(String),
}

fn table(name: &str) -> Result<(Description, AbiSpec), ShimError> {
    let unknown = || ShimError::Unknown(name.to_owned());
    let text = built_in(name).ok_or_else(unknown)?;
    let description = Description::parse(text).map_err(|_unread| unknown())?;
    if description.attach.kind != "struct_ops" {
        return Err(ShimError::NoStruct(name.to_owned()));
    }
    Ok((description, AbiSpec::built_in(name).ok_or_else(unknown)?))
}

fn is_grouped(description: &Description) -> bool {
    description.ops.iter().any(|callback| !callback.handles.is_empty())
}

/// The header that lets a source written for `from` build for `to` as well.
///
/// ```
/// let shim = fuserig_abi::c_shim("v3", "v4")?;
/// assert!(shim.contains("#define FUSERIG_HAS_fuse_ops_default_filter 0\n"));
/// assert!(shim.contains("#define FUSERIG_HAS_fuse_ops_default_filter 1\n"));
/// # Ok::<(), fuserig_abi::ShimError>(())
/// ```
///
/// # Errors
/// Names that are unknown or equal, and pairs that no source can serve.
pub fn c_shim(from: &str, to: &str) -> Result<String, ShimError> {
    let ((old, old_spec), (new, new_spec)) = (table(from)?, table(to)?);
    if from == to {
        return Err(ShimError::Same);
    }
    if is_grouped(&old) {
        return Err(ShimError::FromFamilies(to.to_owned()));
    }
    let diff = AbiDiff::between(&old_spec, &new_spec);
    let mut text = head(from, to);
    for (side, description, word) in [(Side::Old, &old, "#if"), (Side::New, &new, "#elif")] {
        let _infallible = writeln!(
            text,
            "{word} defined({})\n\n/* {}: {} */",
            guard(&description.abi),
            description.abi,
            description.title
        );
        lacking::print(&mut text, &diff, side, continue_name(description));
        text.push('\n');
        match is_grouped(description) {
            true => families::print(&mut text, description, &old),
            false => programs::print(&mut text, description, &members(&old, &new)),
        }
        text.push('\n');
    }
    let _infallible = write!(
        text,
        "#else\n#error \"include the header of {from} or {to} (fuserig abi header) first\"\n\
         #endif\n\n#endif /* FUSERIG_SHIM_H */\n"
    );
    Ok(text)
}

fn head(from: &str, to: &str) -> String {
    format!(
        "/* One source for {from} and {to}.\n \
         * Printed by `fuserig abi shim --from {from} --to {to}`; include it after the header of\n \
         * either (`fuserig abi header`) and after libbpf's. Write functions with the signatures\n \
         * of {from}, and list them once:\n \
         *\n \
         *\tstatic __always_inline u32 on_lookup(const struct bpf_fuse_meta_info *meta,\n \
         *\t\t\t\t\t     struct fuse_buffer *name) {{ ... }}\n \
         *\t#define MEMBERS(X) X(lookup_prefilter, on_lookup)\n \
         *\tFUSERIG_FILTER(my_filter, MEMBERS);\n \
         *\n \
         * Members that an ABI does not have are left out there. FUSERIG_HAS_... says what is\n \
         * there; FUSERIG_GET_... and FUSERIG_PUT_... reach a field that only one of them has. */\n\
         #ifndef FUSERIG_SHIM_H\n#define FUSERIG_SHIM_H\n\n\
         #ifndef NULL\n#define NULL ((void *)0)\n#endif\n\n"
    )
}

fn guard(abi: &str) -> String {
    format!("FUSERIG_{}_H", abi.to_uppercase().replace('-', "_"))
}

/// The members of both, those of the old one first.
fn members<'a>(old: &'a Description, new: &'a Description) -> Vec<&'a str> {
    let all = |side: &'a Description| side.ops.iter().filter_map(|one| one.member.as_deref());
    let mut names: Vec<&str> = all(old).collect();
    if !is_grouped(new) {
        names.extend(all(new).filter(|name| !all(old).any(|known| known == *name)));
    }
    names
}

/// The name of the code that lets the pipeline go on.
fn continue_name(side: &Description) -> &str {
    let zero = side.return_codes.iter().find(|code| code.value == Some(0));
    zero.map_or("0", |code| code.name.as_str())
}

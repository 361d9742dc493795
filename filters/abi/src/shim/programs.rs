//! Programs by member, for an ABI whose struct of callbacks has one member an operation and phase.

use super::c_text::{define, parameters};
use crate::description::{Callback, Description};

/// Macros for every member of `members`; those that `side` does not have become nothing.
pub(super) fn print(text: &mut String, side: &Description, members: &[&str]) {
    for member in members {
        let found = side.ops.iter().find(|callback| callback.member.as_deref() == Some(*member));
        match found {
            Some(callback) => present(text, member, callback),
            None => {
                let lacks = format!("FUSERIG_PROGRAM_{member}(function)");
                define(text, &lacks, &[]);
                define(text, &format!("FUSERIG_SET_{member}(function)"), &[]);
            }
        }
    }
    define(
        text,
        "FUSERIG_PROGRAM(member, function)",
        &["FUSERIG_PROGRAM_##member(function)".into()],
    );
    define(text, "FUSERIG_SET(member, function)", &["FUSERIG_SET_##member(function)".into()]);
    define(
        text,
        "FUSERIG_FILTER(label, MEMBERS)",
        &[
            "MEMBERS(FUSERIG_PROGRAM)".into(),
            format!("SEC(\".struct_ops.link\") struct {} label = {{", side.attach.r#struct),
            "\tMEMBERS(FUSERIG_SET) .name = #label,".into(),
            "}".into(),
        ],
    );
}

fn present(text: &mut String, member: &str, callback: &Callback) {
    let names: Vec<&str> = callback.args.iter().map(|arg| arg.name.as_str()).collect();
    define(
        text,
        &format!("FUSERIG_PROGRAM_{member}(function)"),
        &[
            format!("SEC(\"struct_ops/{member}\")"),
            format!("{} BPF_PROG(fuserig_{member}, {})", callback.ret, parameters(callback)),
            format!("{{ return function({}); }}", names.join(", ")),
        ],
    );
    let set = format!(".{member} = (void *)fuserig_{member},");
    define(text, &format!("FUSERIG_SET_{member}(function)"), &[set]);
}

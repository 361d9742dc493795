//! Programs by family, for `v3-grouped`: one program serves many operations in both phases, so the
//! functions of a source become cases of a switch (SEMANTICS 9.2).

use core::fmt::Write as _;

use super::c_text::{define, parameters};
use crate::description::{CallbackArg, Description};

/// A function of a source as a case of a family: what it takes is found in slots.
struct Case<'a> {
    member: &'a str,
    opcode: u64,
    family: &'a str,
    slots: Vec<(&'a CallbackArg, String)>,
}

/// Kernel functions of v3 and v4 in terms of those of the proposal.
const KFUNCS: &str = "\
static __always_inline void bpf_fuse_get_ro_dynptr(const struct fuse_buffer *buffer,
						   struct bpf_dynptr *bytes)
{
	bpf_dynptr_from_fuse_buffer_ro(buffer, 0, bytes);
}

static __always_inline void bpf_fuse_get_rw_dynptr(struct fuse_buffer *buffer,
						   struct bpf_dynptr *bytes, u64 size, bool copy)
{
	(void)copy;
	bpf_fuse_buffer_resize(buffer, size);
	bpf_dynptr_from_fuse_buffer_rw(buffer, 0, bytes);
}

static __always_inline uint32_t bpf_fuse_return_len(struct fuse_buffer *buffer)
{
	struct bpf_dynptr bytes;

	bpf_dynptr_from_fuse_buffer_ro(buffer, 0, &bytes);
	return bpf_dynptr_size(&bytes);
}
";

/// Whether a kernel function of v3 and v4 has a stand-in.
pub(super) fn stands_in(kfunc: &str) -> bool {
    KFUNCS.contains(&format!(" {kfunc}("))
}

/// The macros of `grouped` for functions with the signatures of `typed`.
pub(super) fn print(text: &mut String, grouped: &Description, typed: &Description) {
    text.push_str(KFUNCS);
    text.push('\n');
    for (name, from, slice, constness) in
        [("RO", "ro", "bpf_dynptr_slice", "const "), ("RW", "rw", "bpf_dynptr_slice_rdwr", "")]
    {
        define(
            text,
            &format!("FUSERIG_{name}(buffer, type)"),
            &[
                "({".into(),
                "\tstruct bpf_dynptr bytes;".into(),
                format!("\tbpf_dynptr_from_fuse_buffer_{from}(buffer, 0, &bytes);"),
                format!("\t({constness}type *){slice}(&bytes, 0, NULL, sizeof(type));"),
                "})".into(),
            ],
        );
    }
    let cases = cases(grouped, typed);
    let families = grouped.ops.iter().filter_map(|family| family.member.as_deref());
    for family in families.clone() {
        for case in &cases {
            print_case(text, family, case);
        }
        let paste = |what: &str| vec![format!("FUSERIG_{what}_{family}_##member")];
        define(text, &format!("FUSERIG_ONE_{family}(member, function)"), &paste("ONE"));
        let call = vec![format!("FUSERIG_IN_{family}_##member(function)")];
        define(text, &format!("FUSERIG_IN_{family}(member, function)"), &call);
    }
    filter(text, grouped);
}

/// Every member of `typed` that an operation of `grouped` serves.
fn cases<'a>(grouped: &'a Description, typed: &'a Description) -> Vec<Case<'a>> {
    let mut cases = Vec::new();
    for callback in &typed.ops {
        let (Some(member), Some(op), Some(opcode)) =
            (callback.member.as_deref(), callback.op.as_deref(), callback.meta_opcode)
        else {
            continue;
        };
        let family = grouped.ops.iter().find(|family| family.handles.iter().any(|one| one == op));
        let operation = grouped.operations.iter().find(|operation| operation.op == op);
        let (Some(family), Some(operation)) = (family.and_then(|f| f.member.as_deref()), operation)
        else {
            continue;
        };
        let slot_of = |arg: &CallbackArg| {
            let found = operation.slots.iter();
            found
                .clone()
                .find(|(_, held)| held.as_deref() == Some(arg.name.as_str()))
                .map(|(slot, _)| slot.clone())
        };
        let typed_args = callback.args.iter().filter(|arg| arg.kind != "meta");
        let slots: Option<Vec<_>> =
            typed_args.map(|arg| slot_of(arg).map(|slot| (arg, slot))).collect();
        if let Some(slots) = slots {
            cases.push(Case { member, opcode, family, slots });
        }
    }
    cases
}

fn print_case(text: &mut String, family: &str, case: &Case<'_>) {
    let head = format!("FUSERIG_IN_{family}_{}(function)", case.member);
    let one = format!("FUSERIG_ONE_{family}_{}", case.member);
    if case.family != family {
        define(text, &head, &[]);
        define(text, &one, &[]);
        return;
    }
    let mut lines = vec![format!("case {:#x}: {{", case.opcode)];
    let mut given = vec!["meta".to_owned()];
    for (arg, slot) in &case.slots {
        if arg.kind == "buffer" {
            given.push(slot.clone());
            continue;
        }
        let (access, constness) = if arg.r#const { ("RO", "const ") } else { ("RW", "") };
        let local = format!("{slot}_struct");
        lines.push(format!(
            "\t{constness}struct {0} *{local} = FUSERIG_{access}({slot}, struct {0});",
            arg.r#type
        ));
        lines.push(format!("\tif (!{local}) return BPF_FUSE_CONTINUE;"));
        given.push(local);
    }
    lines.push(format!("\treturn function({});", given.join(", ")));
    lines.push("}".into());
    define(text, &head, &lines);
    define(text, &one, &["+ 1".into()]);
}

fn filter(text: &mut String, grouped: &Description) {
    let mut lines = Vec::new();
    let mut set = String::new();
    for family in &grouped.ops {
        let Some(member) = family.member.as_deref() else { continue };
        lines.push(format!("SEC(\"struct_ops/{member}\")"));
        lines.push(format!("{} BPF_PROG(fuserig_{member}, {})", family.ret, parameters(family)));
        lines.push("{".into());
        lines.push(format!("\tswitch ((u32)op) {{ MEMBERS(FUSERIG_IN_{member}) }}"));
        lines.push("\treturn BPF_FUSE_CONTINUE;".into());
        lines.push("}".into());
        let _infallible = write!(
            set,
            ".{member} = (0 MEMBERS(FUSERIG_ONE_{member})) ? (void *)fuserig_{member} : NULL, "
        );
    }
    lines.push(format!("SEC(\".struct_ops.link\") struct {} label = {{", grouped.attach.r#struct));
    lines.push(format!("\t{set}.name = #label,"));
    lines.push("}".into());
    define(text, "FUSERIG_FILTER(label, MEMBERS)", &lines);
}

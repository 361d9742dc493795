//! Objects, and a linked object as text.

use std::fmt::Write as _;

use fuserig_filters::program::{Linked, disassemble};

/// The same source for every instruction set.
pub(crate) const KITCHEN: [(&str, &[u8]); 4] = [
    ("v1", include_bytes!("data/kitchen-v1.o")),
    ("v2", include_bytes!("data/kitchen-v2.o")),
    ("v3", include_bytes!("data/kitchen-v3.o")),
    ("v4", include_bytes!("data/kitchen-v4.o")),
];

/// All of a linked object but the bytes of data.
pub(crate) fn listing(linked: &Linked) -> String {
    let mut text = format!("license {}\n", linked.license);
    for map in &linked.maps {
        let _ = writeln!(
            text,
            "map {}: {:?}, key {}, value {}, {} entries, flags {}, {:?}{}",
            map.name,
            map.kind,
            map.key_size,
            map.value_size,
            map.max_entries,
            map.flags,
            map.data,
            map.inner.as_ref().map_or(String::new(), |inner| format!(" of {:?}", inner.kind)),
        );
    }
    for filter in &linked.struct_ops {
        let _ = writeln!(text, "filter {} in {}: {}", filter.symbol, filter.section, filter.name);
        for (member, program) in &filter.members {
            let _ = writeln!(text, "  {member} = {}", linked.programs[*program].name);
        }
    }
    for program in &linked.programs {
        let _ = writeln!(text, "\nprogram {} ({:?})", program.name, program.kind);
        text.push_str(&disassemble(linked, program, |_| None));
    }
    text
}

/// Compares with a snapshot in `snapshots/object`.
pub(crate) fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../snapshots/object"));
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

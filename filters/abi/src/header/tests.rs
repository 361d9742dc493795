//! The header as text; that it compiles is tested where clang may be run.

use super::c_header;
use crate::description::{BUILT_IN, Description};

fn header(name: &str) -> String {
    let text = crate::description::built_in(name).expect("built in");
    c_header(&Description::parse(text).expect("a test reads every built-in table"))
}

#[test]
fn every_struct_constant_and_kfunc_of_a_table_is_in_its_header() {
    for (name, text) in BUILT_IN {
        let description = Description::parse(text).expect("built in");
        let header = c_header(&description);
        for structure in &description.structs {
            assert!(header.contains(&format!("struct {} {{\n", structure.name)), "{name}");
        }
        for constant in &description.constants {
            assert!(header.contains(&format!("#define {} ", constant.name)), "{name}");
        }
        for kfunc in &description.kfuncs {
            assert!(header.contains(&format!(" {}(", kfunc.name)), "{name}: {}", kfunc.name);
        }
        assert!(header.is_ascii() && !header.contains("..."), "{name}");
    }
}

#[test]
fn overlapping_fields_are_an_anonymous_union() {
    let expected = "struct fuse_bpf_entry_out {\n\
        \tuint32_t entry_type;\n\
        \tuint32_t unused;\n\
        \tunion {\n\
        \t\tstruct {\n\
        \t\t\tuint64_t unused2;\n\
        \t\t\tuint64_t fd;\n\
        \t\t};\n\
        \t\tchar name[16];\n\
        \t};\n\
        };\n";
    let header = header("v4");
    assert!(header.contains(expected), "{header}");
}

#[test]
fn versions_differ_where_their_tables_do() {
    assert!(header("v4").contains("(*default_filter)(const struct bpf_fuse_meta_info *)"));
    assert!(!header("v3").contains("default_filter"));
    assert!(
        header("v3").contains("bpf_dynptr_slice_rdwr(")
            && header("v4").contains("int32_t backing_id")
    );
    assert!(!header("android").contains("fuse_ops") && header("android").contains("fuse_bpf_args"));
}

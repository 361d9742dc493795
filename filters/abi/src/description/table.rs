//! The whole table and its records, but for callbacks and operations.

use super::record::records;
use super::{Callback, Operation};

records! {
    /// A whole table.
    ///
    /// ```
    /// use fuserig_abi::description::{Description, built_in};
    /// let grouped = Description::parse(built_in("v3-grouped").expect("built in"))?;
    /// assert_eq!(grouped.ops.len(), 5);
    /// # Ok::<(), fuserig_abi::TableError>(())
    /// ```
    Description {
        /// Always `fuse-bpf-abi/1`.
        schema: String,
        /// The name of the version.
        abi: String,
        /// One line about it.
        title: String,
        /// What became of it.
        status: String,
        /// How a filter is attached.
        attach: Attach,
        /// Named numbers.
        constants: Vec<Constant>,
        /// Named sets of numbers.
        enums: Vec<Enumeration>,
        /// FUSE opcodes without phase bits.
        opcodes: Vec<Named>,
        /// What a filter may return.
        return_codes: Vec<ReturnCode>,
        /// Layouts.
        structs: Vec<Struct>,
        /// Kernel functions that a filter may call.
        kfuncs: Vec<Kfunc>,
        /// The decision table of `get_writeable`.
        get_writeable: Vec<WriteableRow>,
        /// The callbacks in declaration order.
        ops: Vec<Callback>,
        /// One record for each operation.
        operations: Vec<Operation>,
        /// The state machine in words.
        pipeline: Vec<PipelineRule>,
        /// Known oddities.
        quirks: Vec<QuirkRecord>,
        /// Android: helper functions of its program type.
        #[serde(default)] helpers: Vec<String>,
        /// v3-grouped: which argument may be read and written when.
        #[serde(default)] access_rules: Vec<AccessRule>,
    }

    /// How a filter is attached.
    ///
    /// ```
    /// use fuserig_abi::description::{Description, built_in};
    /// let v4 = Description::parse(built_in("v4").expect("built in"))?;
    /// assert_eq!((v4.attach.size, v4.attach.name_offset), (536, Some(520)));
    /// # Ok::<(), fuserig_abi::TableError>(())
    /// ```
    Attach {
        /// `struct_ops` or `prog_type`.
        kind: String,
        /// The struct of callbacks, or the context of a program.
        r#struct: String,
        /// Its length in bytes.
        size: u64,
        /// Number of members with the name.
        members: Option<u64>,
        /// The member that names the filter.
        name_member: Option<String>,
        /// Its offset in bytes.
        name_offset: Option<u64>,
        /// Its length in bytes.
        name_len: Option<u64>,
        /// Longest usable name in bytes.
        name_effective_max: Option<u64>,
        /// ELF section of a program.
        section: String,
        /// ELF sections that may hold the struct.
        map_section: Vec<String>,
    }

    /// A named number with its group.
    ///
    /// ```
    /// use fuserig_abi::description::Constant;
    /// let constant = Constant { name: "PAGE_SIZE".into(), value: 4096, group: "limit".into() };
    /// assert_eq!(constant.value, 4096);
    /// ```
    Constant {
        /// The name.
        name: String,
        /// The number.
        value: u64,
        /// What it belongs to.
        group: String,
    }

    /// A named number.
    ///
    /// ```
    /// use fuserig_abi::description::Named;
    /// assert_eq!(Named { name: "FUSE_LOOKUP".into(), value: 1 }.value, 1);
    /// ```
    Named {
        /// The name.
        name: String,
        /// The number.
        value: u64,
    }

    /// A named set of numbers.
    ///
    /// ```
    /// use fuserig_abi::description::Enumeration;
    /// let set = Enumeration { name: "fuse_bpf_set".into(), values: Vec::new(), note: None };
    /// assert!(set.values.is_empty());
    /// ```
    Enumeration {
        /// The name.
        name: String,
        /// The members.
        values: Vec<Named>,
        /// A remark.
        #[serde(default)] note: Option<String>,
    }

    /// What one return code of a filter means.
    ///
    /// ```
    /// use fuserig_abi::description::{Description, built_in};
    /// let v3 = Description::parse(built_in("v3").expect("built in"))?;
    /// assert_eq!(v3.return_codes[1].name, "BPF_FUSE_USER");
    /// # Ok::<(), fuserig_abi::TableError>(())
    /// ```
    ReturnCode {
        /// The name, or `negative` and `other` for ranges.
        name: String,
        /// The number, unless it is a range.
        value: Option<u64>,
        /// The range in words.
        #[serde(default)] range: Option<String>,
        /// Whether codes are bits that combine.
        #[serde(default)] bit: bool,
        /// The effect in the prefilter stage.
        prefilter: String,
        /// The effect in the postfilter stage.
        postfilter: String,
    }

    /// The layout of a struct.
    ///
    /// ```
    /// use fuserig_abi::{Abi, AbiTable};
    /// let attr = AbiTable::of(Abi::V3).structure("fuse_attr").expect("in the table");
    /// assert_eq!((attr.size, attr.align), (88, 8));
    /// ```
    Struct {
        /// The name.
        name: String,
        /// Length in bytes.
        size: u32,
        /// Alignment in bytes.
        align: u32,
        /// Whose struct it is.
        origin: String,
        /// A remark.
        #[serde(default)] note: Option<String>,
        /// Whether it was compared with a running kernel.
        btf_checked: bool,
        /// The fields; some overlap.
        fields: Vec<StructField>,
    }

    /// One field of a struct.
    ///
    /// ```
    /// use fuserig_abi::{Abi, AbiTable};
    /// let attr = AbiTable::of(Abi::V3).structure("fuse_attr").expect("in the table");
    /// assert_eq!((attr.fields[9].name.as_str(), attr.fields[9].offset), ("mode", 60));
    /// ```
    StructField {
        /// The name.
        name: String,
        /// The type of the field, or of an element of an array.
        r#type: String,
        /// Distance from the start of the struct in bytes.
        offset: u32,
        /// Length in bytes.
        size: u32,
        /// Elements of an array.
        #[serde(default)] len: Option<u32>,
        /// A remark.
        #[serde(default)] note: Option<String>,
    }

    /// A kernel function that a filter may call.
    ///
    /// ```
    /// use fuserig_abi::{Abi, AbiTable};
    /// let kfuncs = &AbiTable::of(Abi::V4).description().kfuncs;
    /// assert_eq!(kfuncs[2].name, "bpf_fuse_return_len");
    /// ```
    Kfunc {
        /// The name.
        name: String,
        /// The type it returns.
        ret: String,
        /// The parameters.
        params: Vec<KfuncParam>,
        /// Flags of its registration.
        kfunc_flags: Vec<String>,
        /// Program types it is registered for.
        prog_types: Vec<String>,
        /// What it does, in one word.
        semantics: String,
        /// Where that is known from.
        #[serde(default)] basis: Option<String>,
    }

    /// A parameter of a kernel function.
    ///
    /// ```
    /// use fuserig_abi::{Abi, AbiTable};
    /// let kfuncs = &AbiTable::of(Abi::V4).description().kfuncs;
    /// assert_eq!(kfuncs[0].params[3].r#type, "bool");
    /// ```
    KfuncParam {
        /// The name with its suffix.
        name: String,
        /// The C type.
        r#type: String,
        /// What it is for.
        #[serde(default)] role: Option<String>,
    }

    /// A row of the decision table of `get_writeable` in words.
    ///
    /// ```
    /// use fuserig_abi::{Abi, AbiTable};
    /// let rows = &AbiTable::of(Abi::V4).description().get_writeable;
    /// assert_eq!((rows[0].row.as_str(), rows[0].when.as_str()), ("W1", "IMMUTABLE"));
    /// ```
    WriteableRow {
        /// `W1` to `W12`.
        row: String,
        /// The condition.
        when: String,
        /// What becomes of the data.
        data: String,
        /// What becomes of the size.
        size: String,
        /// What becomes of the flags.
        flags: String,
        /// What the dynptr covers.
        dynptr_size: String,
    }

    /// One rule of the state machine in words.
    ///
    /// ```
    /// use fuserig_abi::{Abi, AbiTable};
    /// let rules = &AbiTable::of(Abi::V3).description().pipeline;
    /// assert_eq!(rules[0].stage, "enter");
    /// ```
    PipelineRule {
        /// The stage.
        stage: String,
        /// The condition.
        on: String,
        /// The action.
        then: String,
    }

    /// A known oddity.
    ///
    /// ```
    /// use fuserig_abi::{Abi, AbiTable};
    /// let quirks = &AbiTable::of(Abi::V3).description().quirks;
    /// assert_eq!(quirks[0].id, "PIPE-1");
    /// ```
    QuirkRecord {
        /// The id.
        id: String,
        /// `*` or operations separated by spaces.
        op: String,
        /// The versions that have it.
        versions: Vec<String>,
        /// `bug`, `crash`, `limit` or `oddity`.
        klass: String,
        /// `read`, or how it was inferred.
        basis: String,
        /// What happens.
        text: String,
    }

    /// v3-grouped: which argument may be read and written when.
    ///
    /// ```
    /// use fuserig_abi::description::{Description, built_in};
    /// let grouped = Description::parse(built_in("v3-grouped").expect("built in"))?;
    /// assert_eq!(grouped.access_rules[0].phase, "pre");
    /// # Ok::<(), fuserig_abi::TableError>(())
    /// ```
    AccessRule {
        /// `pre` or `post`.
        phase: String,
        /// Which arguments.
        slot: String,
        /// The state of the buffer.
        state: String,
        /// Whether it may be written.
        rw: String,
    }
}

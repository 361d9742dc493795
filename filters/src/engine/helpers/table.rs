//! The table of functions.

use core::fmt;

use fuserig_abi::Abi;

use super::{dynptr, environ, loops, map, print, ring, strings, task, unsupported};
use crate::engine::interp::{Code, Context, Stopped};

/// What runs a function: the context, the running program, r1 to r5.
pub(in crate::engine) type Run = fn(&mut Context<'_, '_>, &Code, [u64; 5]) -> Result<u64, Stopped>;

/// A function that a program calls.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct Function {
    pub(in crate::engine) info: &'static FunctionInfo,
    pub(in crate::engine) run: Run,
}

/// Which functions a program may call.
///
/// ```
/// use fuserig_abi::Abi;
/// use fuserig_filters::engine::{Availability, functions};
/// let uid = functions().find(|f| f.name == "bpf_get_current_uid_gid").expect("a row");
/// assert!(!uid.is_available(Availability::Abi(Abi::V4)));
/// assert!(uid.is_available(Availability::Android));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// What the fuse_ops programs of that version may call.
    Abi(Abi),
    /// What the program type of Android may call.
    Android,
    /// All that is supported.
    Everything,
}

impl Availability {
    fn bit(self) -> u8 {
        match self {
            Availability::Abi(Abi::V3) => V3,
            Availability::Abi(Abi::V4) => V4,
            Availability::Abi(Abi::V3Grouped) => GROUPED,
            Availability::Abi(Abi::Android) | Availability::Android => ANDROID,
            Availability::Everything => V3 | V4 | ANDROID | NOWHERE | GROUPED,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Availability::Abi(abi) => abi.name(),
            Availability::Android => "android",
            Availability::Everything => "any",
        }
    }
}

const V3: u8 = 1;
const V4: u8 = 2;
const ANDROID: u8 = 4;
/// Runs here, and no fuse-bpf kernel lets a filter call it.
const NOWHERE: u8 = 8;
/// The proposal of SEMANTICS 9: the helpers of v3, and dynptr functions of Linux 6.5.
const GROUPED: u8 = 16;
const POSTED: u8 = V3 | V4;
const OPS: u8 = V3 | V4 | GROUPED;
const ALL: u8 = OPS | ANDROID;

/// A row of the table of functions.
///
/// ```
/// use fuserig_filters::engine::functions;
/// let lookup = functions().find(|f| f.name == "bpf_map_lookup_elem").expect("a row");
/// assert_eq!(lookup.number, Some(1));
/// ```
#[derive(Clone, Copy)]
pub struct FunctionInfo {
    /// Its name.
    pub name: &'static str,
    /// Its number, for helpers; kernel functions go by name.
    pub number: Option<i32>,
    versions: u8,
    run: Run,
}

impl FunctionInfo {
    /// Whether programs there may call it.
    pub fn is_available(&self, available: Availability) -> bool {
        self.versions & available.bit() != 0
    }

    fn places(&self) -> String {
        let known = [(V3, "v3"), (V4, "v4"), (GROUPED, "v3-grouped"), (ANDROID, "android")];
        let places = known.iter().filter(|(bit, _)| self.versions & bit != 0);
        let names: Vec<&str> = places.map(|(_, name)| *name).collect();
        match names.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
            _ => names.concat(),
        }
    }
}

impl fmt::Debug for FunctionInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionInfo")
            .field("name", &self.name)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// Why a call is refused at load.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// No kernel has a helper of that number.
    Number(i32),
    /// A function that nobody here knows.
    Unknown(String),
    /// A known function of a feature that is not supported: function and feature.
    Unsupported(&'static str, &'static str),
    /// A function that these kernels do not let filters call.
    Unavailable {
        /// Function.
        name: &'static str,
        /// The kernel in question.
        kernel: &'static str,
        /// Which ones have it, and what to use instead.
        hint: String,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Number(number) => write!(f, "helper {number} is not known"),
            Refusal::Unknown(name) if name.is_empty() => {
                f.write_str("the object has no kernel function of that index")
            }
            Refusal::Unknown(name) => write!(f, "kernel function {name} is not known"),
            Refusal::Unsupported(name, feature) => {
                write!(f, "{name} is not supported: {feature}")
            }
            Refusal::Unavailable { name, kernel, hint } => {
                write!(f, "a filter of {kernel} cannot call {name}; {hint}")
            }
        }
    }
}

const fn row(name: &'static str, number: i32, versions: u8, run: Run) -> FunctionInfo {
    FunctionInfo { name, number: Some(number), versions, run }
}

const fn kernel(name: &'static str, versions: u8, run: Run) -> FunctionInfo {
    FunctionInfo { name, number: None, versions, run }
}

/// SEMANTICS 6.3 and KERNEL-OBSERVED N9 say which kernels offer what; the numbers are those of
/// the kernel's `bpf.h`.
static TABLE: &[FunctionInfo] = &[
    row("bpf_map_lookup_elem", 1, ALL, map::lookup),
    row("bpf_map_update_elem", 2, ALL, map::update),
    row("bpf_map_delete_elem", 3, OPS, map::delete),
    row("bpf_map_lookup_percpu_elem", 195, OPS, map::lookup_percpu),
    row("bpf_ktime_get_ns", 5, OPS, environ::ktime),
    row("bpf_ktime_get_boot_ns", 125, OPS, environ::ktime),
    row("bpf_ktime_get_tai_ns", 208, OPS, environ::ktime),
    row("bpf_ktime_get_coarse_ns", 160, NOWHERE, environ::ktime),
    row("bpf_jiffies64", 118, OPS, environ::jiffies),
    row("bpf_get_prandom_u32", 7, OPS, environ::prandom),
    row("bpf_get_smp_processor_id", 8, OPS, environ::cpu),
    row("bpf_get_numa_node_id", 42, OPS, environ::numa),
    row("bpf_get_current_pid_tgid", 14, V4 | ANDROID, task::pid_tgid),
    row("bpf_get_current_uid_gid", 15, ANDROID, task::uid_gid),
    row("bpf_get_current_comm", 16, NOWHERE, task::comm),
    row("bpf_get_current_task", 35, OPS, task::task),
    row("bpf_get_current_task_btf", 158, OPS, task::task),
    row("bpf_probe_read_kernel", 113, OPS, strings::probe_read),
    row("bpf_probe_read_kernel_str", 115, OPS, strings::probe_read_str),
    row("bpf_strncmp", 182, OPS, strings::strncmp),
    row("bpf_strtol", 105, OPS, strings::strtol),
    row("bpf_strtoul", 106, OPS, strings::strtoul),
    row("bpf_snprintf", 165, OPS, print::snprintf),
    row("bpf_trace_printk", 6, ALL, print::trace_printk),
    row("bpf_trace_vprintk", 177, OPS, print::trace_vprintk),
    row("bpf_loop", 181, OPS, loops::bpf_loop),
    row("bpf_dynptr_read", 201, OPS, dynptr::read),
    row("bpf_dynptr_write", 202, OPS, dynptr::write),
    row("bpf_dynptr_data", 203, OPS, dynptr::data),
    row("bpf_ringbuf_output", 130, OPS, ring::output),
    row("bpf_ringbuf_reserve", 131, OPS, ring::reserve),
    row("bpf_ringbuf_submit", 132, OPS, ring::submit),
    row("bpf_ringbuf_discard", 133, OPS, ring::discard),
    row("bpf_ringbuf_query", 134, OPS, ring::query),
    row("bpf_perf_event_output", 25, NOWHERE, ring::perf_output),
    kernel("bpf_fuse_get_rw_dynptr", POSTED, dynptr::fuse_rw),
    kernel("bpf_fuse_get_ro_dynptr", POSTED, dynptr::fuse_ro),
    kernel("bpf_fuse_return_len", POSTED, dynptr::fuse_len),
    kernel("bpf_dynptr_from_fuse_buffer_ro", GROUPED, dynptr::grouped_ro),
    kernel("bpf_dynptr_from_fuse_buffer_rw", GROUPED, dynptr::grouped_rw),
    kernel("bpf_fuse_buffer_resize", GROUPED, dynptr::resize),
    kernel("bpf_dynptr_slice", OPS, dynptr::slice),
    kernel("bpf_dynptr_slice_rdwr", V3 | GROUPED, dynptr::slice_rdwr),
    kernel("bpf_dynptr_adjust", V4 | GROUPED, dynptr::adjust),
    kernel("bpf_dynptr_is_null", V4 | GROUPED, dynptr::is_null),
    kernel("bpf_dynptr_is_rdonly", V4 | GROUPED, dynptr::is_rdonly),
    kernel("bpf_dynptr_size", V4 | GROUPED, dynptr::size),
    kernel("bpf_dynptr_clone", V4 | GROUPED, dynptr::clone),
    kernel("bpf_iter_num_new", OPS, loops::iter_new),
    kernel("bpf_iter_num_next", OPS, loops::iter_next),
    kernel("bpf_iter_num_destroy", OPS, loops::iter_destroy),
    kernel("bpf_rcu_read_lock", OPS, environ::nothing),
    kernel("bpf_rcu_read_unlock", OPS, environ::nothing),
    kernel("bpf_rdonly_cast", OPS, environ::first),
];

/// Every function that is supported, helpers first.
pub fn functions() -> impl Iterator<Item = &'static FunctionInfo> {
    TABLE.iter()
}

/// The helper of a number.
pub(in crate::engine) fn helper(number: i32, available: Availability) -> Result<Function, Refusal> {
    match TABLE.iter().find(|row| row.number == Some(number)) {
        Some(row) => allowed(row, available),
        None => Err(match unsupported::helper(number) {
            Some((name, feature)) => Refusal::Unsupported(name, feature),
            None => Refusal::Number(number),
        }),
    }
}

/// The kernel function of a name.
pub(in crate::engine) fn kfunc(name: &str, available: Availability) -> Result<Function, Refusal> {
    match TABLE.iter().find(|row| row.number.is_none() && row.name == name) {
        Some(row) => allowed(row, available),
        None => Err(match unsupported::kfunc(name) {
            Some((name, feature)) => Refusal::Unsupported(name, feature),
            None => Refusal::Unknown(name.to_owned()),
        }),
    }
}

/// What runs where the loader found nothing in the ABI: reaching it is the error.
pub(in crate::engine) fn poison() -> Function {
    Function { info: &POISON, run: POISON.run }
}

static POISON: FunctionInfo =
    FunctionInfo { name: "poison", number: None, versions: 0, run: environ::poisoned };

fn allowed(row: &'static FunctionInfo, available: Availability) -> Result<Function, Refusal> {
    if row.is_available(available) {
        return Ok(Function { info: row, run: row.run });
    }
    let places = match row.places() {
        places if places.is_empty() => "no fuse-bpf kernel offers it".to_owned(),
        places => format!("{places} {} it", if places.contains(' ') { "have" } else { "has" }),
    };
    let hint = match unsupported::instead(row.name) {
        Some(instead) => format!("{places}; {instead}"),
        None => places,
    };
    Err(Refusal::Unavailable { name: row.name, kernel: available.name(), hint })
}

#[cfg(test)]
mod tests {
    use fuserig_abi::Abi;

    use super::{Availability, Refusal, TABLE, helper, kfunc};

    #[test]
    fn every_number_and_name_stands_once() {
        for (index, row) in TABLE.iter().enumerate() {
            let others = &TABLE[index + 1..];
            assert!(others.iter().all(|other| other.name != row.name), "{}", row.name);
            let number = row.number;
            assert!(number.is_none() || others.iter().all(|o| o.number != number), "{number:?}");
        }
    }

    #[test]
    fn what_the_recorded_kernel_refuses_is_refused_with_the_reason() {
        let v4 = Availability::Abi(Abi::V4);
        for (number, is_there) in [(14, true), (15, false), (16, false), (35, true), (113, true)] {
            assert_eq!(helper(number, v4).is_ok(), is_there, "helper {number}");
        }
        let slice = kfunc("bpf_dynptr_slice_rdwr", v4).err().map(|error| error.to_string());
        let text = slice.unwrap_or_default();
        assert!(
            text.contains("v3 and v3-grouped have it") && text.contains("bpf_dynptr_data"),
            "{text}"
        );
        let path = helper(147, v4).err();
        assert!(matches!(path, Some(Refusal::Unsupported("bpf_d_path", _))), "{path:?}");
        let timer = helper(169, v4).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(timer.contains("timers"), "{timer}");
        assert!(helper(9999, v4).is_err() && kfunc("bpf_no_such", v4).is_err());
    }
}

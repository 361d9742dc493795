//! A few lines of the recorder's language, played by themselves: rules, system calls, what came
//! of them, and which quirks were stepped on.
//!
//! It compares nothing. A test that wants to show a behaviour in two lines uses this; a record is
//! played by [`super::conform_text`].

use fuserig_abi::{Abi, AbiTable, Fidelity, Quirk};

use super::filter::{SeenCall, field_path};
use super::record::{Case, CaseRecord, DefaultReturns, EndRecord};
use super::rule::member_name;
use super::suite::{ConformOptions, LowerChoice, Stage};
use crate::kernel::Leaks;
use crate::pipeline::Stop;
use crate::vfs::Call;

/// What is to be played.
///
/// ```
/// use fuserig::conform::Script;
///
/// let script = Script {
///     rules: &["rule open_pre ret=-13"],
///     calls: &["open fd0 f1 R", "read fd0 5"],
///     ..Script::default()
/// };
/// let played = script.play().expect("the lines can be read");
/// assert_eq!(played.results, ["-1 EACCES", "-1 EBADF"]);
/// ```
#[derive(Clone, Debug)]
pub struct Script<'a> {
    /// The modelled version.
    pub abi: Abi,
    /// As it is, or as it was meant.
    pub fidelity: Fidelity,
    /// The registered table at the root: `all`, `preonly`, ..., or `-` for none.
    pub table: &'a str,
    /// Whether a daemon with the policies among the rules serves the mount.
    pub daemon: bool,
    /// Whether the root stands on the lower directory.
    pub backed: bool,
    /// What prefilters, postfilters and default_filter return without a rule.
    pub defaults: [i32; 3],
    /// `rule`, `dpol` and `ddef` lines.
    pub rules: &'a [&'a str],
    /// Lines of the recorder's system-call language.
    pub calls: &'a [&'a str],
}

impl Default for Script<'_> {
    fn default() -> Self {
        Script {
            abi: Abi::V4,
            fidelity: Fidelity::Faithful,
            table: "all",
            daemon: false,
            backed: true,
            defaults: [3, 0, 0],
            rules: &[],
            calls: &[],
        }
    }
}

/// What came of a script.
#[derive(Clone, Debug, Default)]
pub struct Played {
    /// Each system call in a word or two: its value, errno, data, attributes or names.
    pub results: Vec<String>,
    /// The members called during each system call, with `error_in` where they saw one.
    pub members: Vec<String>,
    /// What the daemon was asked after INIT, by opcode.
    pub asked: Vec<String>,
    /// What the daemon was told to forget.
    pub forgotten: Vec<(u64, u64)>,
    /// The quirks stepped on, in order of their first time.
    pub hits: Vec<Quirk>,
    /// What was left behind at the end.
    pub leaks: Leaks,
    /// How the modelled kernel stopped, when it did.
    pub stop: Option<Stop>,
    calls: Vec<SeenCall>,
    table: Option<&'static AbiTable>,
}

impl Played {
    /// What the last call of a member saw: `node`, a field such as `out.size`, or of a buffer
    /// `value.size` and `value.read` (the answer to reading its head), and `value.write`, the
    /// answer to what its rule wrote. None when there was no such call, field or buffer.
    pub fn saw(&self, member: &str, what: &str) -> Option<i64> {
        let call = self.calls.iter().rev().find(|call| member_name(call.slot) == member)?;
        if what == "node" {
            return Some(call.args.meta.nodeid as i64);
        }
        let field = call.args.field(self.table?, &field_path(call.slot, what));
        if let Some(value) = field {
            return Some(value as i64);
        }
        let (name, what) = what.rsplit_once('.')?;
        let buffer = call.buffers.iter().find(|buffer| buffer.name == name)?;
        match what {
            "size" => Some(i64::from(buffer.size)),
            "read" => Some(i64::from(buffer.read)),
            "write" => buffer.action.as_ref().map(|action| i64::from(action.write)),
            _ => None,
        }
    }
}

impl Script<'_> {
    /// Plays the lines up to the first that does not return, then lets the client exit.
    ///
    /// # Errors
    /// A line that cannot be read, or a mount that is refused.
    pub fn play(&self) -> Result<Played, String> {
        let case = self.case();
        let options = ConformOptions {
            abi: self.abi,
            lower: LowerChoice::Simulated,
            fidelity: self.fidelity,
        };
        let Some(mut stage) = Stage::set(&case, &options)? else {
            return Err("the mount is refused".to_owned());
        };
        let mut played = Played { table: Some(AbiTable::of(self.abi)), ..Played::default() };
        for text in self.calls {
            let (seen, calls) = stage.perform(text)?;
            played.calls.extend(calls.iter().cloned());
            if let Some(stop) = stage.stopped() {
                played.stop = Some(stop);
                break;
            }
            played.results.push(seen.to_string());
            let name = |call: &SeenCall| match call.args.meta.error_in as i32 {
                0 => member_name(call.slot),
                error => format!("{}({error})", member_name(call.slot)),
            };
            let names: Vec<String> = calls.iter().map(name).collect();
            played.members.push(names.join(" "));
        }
        stage.exit(&Call::Exit);
        played.stop = played.stop.or(stage.stopped());
        stage.note_into(&mut played);
        Ok(played)
    }

    fn case(&self) -> Case {
        let root = if self.backed { ",root_dir" } else { "" };
        let [pre, post, default] = self.defaults;
        let head = CaseRecord {
            case: "script".to_owned(),
            struct_ops: self.table.to_owned(),
            mode: if self.daemon { "daemon" } else { "no_daemon" }.to_owned(),
            lower: "tmpfs".to_owned(),
            default_ret: DefaultReturns { pre, post, default },
            rules: self.rules.iter().map(|&rule| rule.to_owned()).collect(),
            mount_ret: 0,
            mount_err: String::new(),
            opts: format!("rootmode=40000{root}"),
        };
        let (ops, requests) = (Vec::new(), Vec::new());
        Case { head, ops, end: Some(EndRecord::default()), lost: None, requests }
    }
}

//! From the text of a file to a scenario.

use std::collections::BTreeSet;

use fuserig_abi::{Abi, Fidelity, Gid, Pid, Slot, Uid};
use fuserig_sim_fs::{Durability, MemFs};
use fuserig_traces::text::{CallForm, ExpectedResult, TextError};

use super::lex::{Line, code, number};
use super::model::{
    Act, Action, Below, ClientLine, Condition, Consequence, FilterLine, FilterSource, MountLine,
    PowerLine, RootDirLine, Rule, Scenario, Step, TreeBlock,
};
use super::{ScenarioError, daemon_line, fault_line};
use crate::replay::JUDGED_OUTPUTS;

/// Longest file: enough for any failure that a person reads.
const FILE_BYTES_MAX: usize = 16 << 20;
/// Most turns of a repeated call.
const TIMES_MAX: usize = 100_000;

impl Scenario {
    /// Reads a scenario. The grammar stands at [`crate::scenario`].
    ///
    /// # Errors
    /// At the first mistake, with its line and column and what is expected there.
    pub fn parse(text: &str) -> Result<Scenario, ScenarioError> {
        if text.len() > FILE_BYTES_MAX {
            let what = format!("the file is longer than {FILE_BYTES_MAX} bytes");
            return Err(ScenarioError { line: 1, column: 1, what });
        }
        let mut reader = Reader::default();
        for (index, text) in text.lines().enumerate() {
            reader.line(&mut Line::new(text, index + 1), text)?;
        }
        reader.finish()
    }
}

/// Which block the indented lines belong to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Block {
    #[default]
    None,
    Rules,
    Lower,
    Run,
    Tree,
}

#[derive(Debug)]
struct Reader {
    scenario: Scenario,
    block: Block,
    /// How many steps the last call of the file became.
    group: usize,
    /// The clients that have a call under way.
    held: BTreeSet<usize>,
    /// Where the `filter=` of the mount stands, to say that no filter has that label.
    mount_filter: Option<(usize, usize, String)>,
}

impl Default for Reader {
    fn default() -> Self {
        Reader {
            scenario: Scenario {
                title: String::new(),
                abis: Vec::new(),
                fidelity: Fidelity::Faithful,
                durability: Durability::default(),
                mount: MountLine::default(),
                filters: Vec::new(),
                lower: String::new(),
                clients: Vec::new(),
                steps: Vec::new(),
                tree: None,
            },
            block: Block::None,
            group: 0,
            held: BTreeSet::new(),
            mount_filter: None,
        }
    }
}

impl Reader {
    fn line(&mut self, line: &mut Line<'_>, text: &str) -> Result<(), ScenarioError> {
        if matches!(self.block, Block::Lower) {
            // Tree text counts lines of the whole file, so that its errors need no translation.
            self.scenario.lower.push_str(&"\n".repeat(
                line.number().saturating_sub(1 + self.scenario.lower.matches('\n').count()),
            ));
        }
        if line.at_end() {
            return Ok(());
        }
        if !line.indented() {
            return self.heading(line);
        }
        match self.block {
            Block::None => Err(line.error(
                "an indented line belongs to `filter ... rules`, `lower`, `run` or `tree`; \
                 begin other lines at the left",
            )),
            Block::Rules => {
                let rule = rule(line)?;
                let Some(FilterLine { source: FilterSource::Rules(rules), .. }) =
                    self.scenario.filters.last_mut()
                else {
                    return Err(line.error("no filter is open"));
                };
                rules.push(rule);
                Ok(())
            }
            Block::Lower => {
                self.scenario.lower.push_str(text);
                self.scenario.lower.push('\n');
                Ok(())
            }
            Block::Tree => {
                if let Some(tree) = &mut self.scenario.tree {
                    tree.text.push_str(text.trim());
                    tree.text.push('\n');
                }
                Ok(())
            }
            Block::Run => self.run_line(line),
        }
    }

    fn heading(&mut self, line: &mut Line<'_>) -> Result<(), ScenarioError> {
        let start = line.clone();
        let column = line.column();
        self.block = Block::None;
        match line.word() {
            "title" => line.rest().clone_into(&mut self.scenario.title),
            "abi" => self.abis(line)?,
            "fidelity" => {
                let column = line.column();
                self.scenario.fidelity = match line.word() {
                    "faithful" => Fidelity::Faithful,
                    "intended" => Fidelity::Intended,
                    other => {
                        let what =
                            format!("no fidelity is called `{other}`; write faithful or intended");
                        return Err(line.error_at(column, what));
                    }
                };
                line.end()?;
            }
            "durability" => {
                let column = line.column();
                let word = line.word();
                self.scenario.durability = Durability::parse(word).ok_or_else(|| {
                    let what = format!(
                        "no durability is called `{word}`; write sync, prefix, ordered or \
                         loose"
                    );
                    line.error_at(column, what)
                })?;
                line.end()?;
            }
            "mount" => self.mount(line)?,
            "filter" => self.filter(line)?,
            "lower" => self.open_block(line, Block::Lower)?,
            "client" => self.client(line)?,
            "run" => self.open_block(line, Block::Run)?,
            "tree" => {
                if self.scenario.tree.is_some() {
                    return Err(start.error("the file has a `tree` already"));
                }
                self.scenario.tree = Some(TreeBlock { line: line.number(), text: String::new() });
                self.open_block(line, Block::Tree)?;
            }
            other => {
                let what = format!(
                    "unknown heading `{other}`; known are title, abi, fidelity, durability, \
                     mount, filter, lower, client, run and tree"
                );
                return Err(line.error_at(column, what));
            }
        }
        Ok(())
    }

    fn open_block(&mut self, line: &Line<'_>, block: Block) -> Result<(), ScenarioError> {
        line.end()?;
        self.block = block;
        Ok(())
    }

    fn abis(&mut self, line: &mut Line<'_>) -> Result<(), ScenarioError> {
        while !line.at_end() {
            let column = line.column();
            let word = line.word();
            let Some(abi) = Abi::from_name(word) else {
                let what = format!("no ABI is called `{word}`; write v3 or v4");
                return Err(line.error_at(column, what));
            };
            if !self.scenario.abis.contains(&abi) {
                self.scenario.abis.push(abi);
            }
        }
        if self.scenario.abis.is_empty() {
            return Err(line.error("expected v3, v4 or both"));
        }
        Ok(())
    }

    fn mount(&mut self, line: &mut Line<'_>) -> Result<(), ScenarioError> {
        self.scenario.mount.line = line.number();
        while !line.at_end() {
            let column = line.column();
            let word = line.word();
            match word.split_once('=') {
                Some(("root_dir", path)) => {
                    self.scenario.mount.root_dir = match path {
                        "closed" => RootDirLine::Closed,
                        path if path.starts_with('/') => RootDirLine::Path(path.to_owned()),
                        _ => {
                            let what = "root_dir= wants a path of the lower tree, or closed";
                            return Err(line.error_at(column, what));
                        }
                    };
                }
                Some(("root_bpf", name)) => self.scenario.mount.root_bpf = Some(name.to_owned()),
                Some(("filter", label)) => {
                    self.scenario.mount.filter = Some(label.to_owned());
                    let label_column = column + "filter=".len();
                    self.mount_filter = Some((line.number(), label_column, label.to_owned()));
                }
                Some(("init", flags)) => {
                    let flags = number(flags).and_then(|flags| u32::try_from(flags).ok());
                    let what = "init= wants the flags of the daemon's INIT reply, such as 0x2000";
                    self.scenario.mount.init_flags =
                        flags.ok_or_else(|| line.error_at(column, what))?;
                }
                None if word == "daemon" => self.scenario.mount.daemon = true,
                None if word == "no_daemon" => self.scenario.mount.daemon = false,
                None if word == "no_fd" => self.scenario.mount.no_fd = true,
                None if word == "local_locks" => self.scenario.mount.local_locks = true,
                None if word == "served" => self.scenario.mount.served = true,
                None if word == "no_root_dir" => {
                    self.scenario.mount.root_dir = RootDirLine::Absent;
                }
                None if word == "refused" => {
                    let words = line.bytes()?;
                    let words = String::from_utf8_lossy(&words).into_owned();
                    self.scenario.mount.refused = Some(words);
                }
                _ => {
                    let what = format!(
                        "unknown option `{word}`; known are filter=LABEL, root_bpf=NAME, \
                         root_dir=PATH, no_root_dir, daemon, no_daemon, no_fd, local_locks, \
                         served, init=FLAGS and refused \"WORDS\""
                    );
                    return Err(line.error_at(column, what));
                }
            }
        }
        let mount = &self.scenario.mount;
        if mount.filter.is_some() && mount.root_bpf.is_some() {
            let what = "filter= and root_bpf= both name the filter of the root; write one";
            return Err(line.error_at(1, what));
        }
        if mount.served && mount.daemon {
            let what = "served and daemon both say who serves the mount; write one";
            return Err(line.error_at(1, what));
        }
        Ok(())
    }

    fn filter(&mut self, line: &mut Line<'_>) -> Result<(), ScenarioError> {
        let column = line.column();
        let label = line.name().to_owned();
        if label.is_empty() {
            return Err(line.error_at(column, "expected `LABEL = SPEC` or `LABEL rules`"));
        }
        if self.scenario.filters.iter().any(|filter| filter.label == label) {
            return Err(
                line.error_at(column, format!("`{label}` is the label of a filter already"))
            );
        }
        let number = line.number();
        while line.eat(" ") {}
        let source = if line.eat_word("rules") {
            self.block = Block::Rules;
            FilterSource::Rules(Vec::new())
        } else if line.eat("=") {
            let spec = line.word();
            if spec.is_empty() {
                return Err(line.error("expected a filter such as hide:.secret or a path"));
            }
            FilterSource::Spec(spec.to_owned())
        } else {
            return Err(line.error("expected `= SPEC` or `rules`"));
        };
        line.end()?;
        self.scenario.filters.push(FilterLine { label, source, line: number });
        Ok(())
    }

    fn client(&mut self, line: &mut Line<'_>) -> Result<(), ScenarioError> {
        let column = line.column();
        let name = line.word().to_owned();
        let good = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        if name.is_empty() || !good {
            return Err(line.error_at(column, "expected a name of letters, digits, _ and -"));
        }
        if self.scenario.clients.iter().any(|client| client.name == name) {
            return Err(line.error_at(column, format!("a client is called `{name}` already")));
        }
        let pid = u32::try_from(self.scenario.clients.len() + 1).unwrap_or(u32::MAX);
        let mut client = ClientLine { name, pid: Pid(pid), ..ClientLine::root() };
        while !line.at_end() {
            let column = line.column();
            let key = line.name().to_owned();
            if !line.eat("=") {
                return Err(line.error("expected `=` and a number"));
            }
            let mut values = vec![number_of_32_bits(line)?];
            while key == "groups" && line.eat(",") {
                values.push(number_of_32_bits(line)?);
            }
            let value = values[0];
            match key.as_str() {
                "pid" => client.pid = Pid(value),
                "uid" => client.uid = Uid(value),
                "gid" => client.gid = Gid(value),
                "groups" => client.groups = values.into_iter().map(Gid).collect(),
                "umask" => client.umask = value & 0o777,
                _ => {
                    let what =
                        format!("unknown `{key}`; known are pid, uid, gid, groups and umask");
                    return Err(line.error_at(column, what));
                }
            }
        }
        if self.scenario.clients.iter().any(|other| other.pid == client.pid) {
            return Err(line.error_at(column, format!("pid {} is taken", client.pid)));
        }
        self.scenario.clients.push(client);
        Ok(())
    }

    fn run_line(&mut self, line: &mut Line<'_>) -> Result<(), ScenarioError> {
        let column = line.column();
        let consequence = ["filter ", "no filter", "print ", "quirk "];
        if line.eat_word("daemon") {
            let daemon = daemon_line::daemon_line(line)?;
            if !self.scenario.mount.daemon {
                return Err(line.error_at(column, "there is no daemon; write `mount daemon` first"));
            }
            for step in self.group(line, column)? {
                step.daemon.push(daemon.clone());
            }
            return Ok(());
        }
        if line.eat_word("fault") {
            let fault = fault_line::fault(line)?;
            for step in self.group(line, column)? {
                if !fault_line::can_fail(&step.act) {
                    let what = "a fault stands below the call that it happens in";
                    return Err(line.error_at(column, what));
                }
                step.faults.push(fault.clone());
            }
            return Ok(());
        }
        if consequence.iter().any(|word| line.rest().starts_with(word)) {
            let found = consequence_of(line)?;
            for step in self.group(line, column)? {
                step.consequences.push(found.clone());
            }
            return Ok(());
        }
        let client = self.client_of(line)?;
        let times = if line.eat_word("times") { line.integer()? } else { 1 };
        let count = usize::try_from(times).ok().filter(|count| (1..=TIMES_MAX).contains(count));
        let Some(count) = count else {
            return Err(line.error_at(column, format!("a call is repeated 1 to {TIMES_MAX} times")));
        };
        self.group = count;
        for turn in 1..=count {
            let text = line.whole().replace("%d", &turn.to_string());
            let mut line = line.on(if count == 1 { line.whole() } else { &text });
            let act = act(&mut line)?;
            self.note_held(&line, column, client, &act)?;
            self.scenario.steps.push(Step {
                line: line.number(),
                client,
                act,
                consequences: Vec::new(),
                daemon: Vec::new(),
                faults: Vec::new(),
            });
        }
        Ok(())
    }

    /// A client does one thing at a time: nothing else while a call of it is held.
    fn note_held(
        &mut self,
        line: &Line<'_>,
        column: usize,
        client: usize,
        act: &Act,
    ) -> Result<(), ScenarioError> {
        let is_held = self.held.contains(&client);
        match act {
            Act::Lower { .. } => {}
            Act::Power(_) => self.held.clear(),
            Act::GoesOn { .. } | Act::Signal if !is_held => {
                let what = "the client has no call under way; write `held after N of CALL` first";
                return Err(line.error_at(column, what));
            }
            Act::GoesOn { steps: Some(_) } | Act::Signal => {}
            Act::GoesOn { steps: None } => {
                self.held.remove(&client);
            }
            _ if is_held => {
                let what = "the client has a call under way; write `goes on` first";
                return Err(line.error_at(column, what));
            }
            Act::Held { .. } => {
                self.held.insert(client);
            }
            Act::Call(_) | Act::List { .. } | Act::Cat { .. } | Act::Put { .. } => {}
        }
        Ok(())
    }

    /// The steps that the line above became.
    fn group(&mut self, line: &Line<'_>, column: usize) -> Result<&mut [Step], ScenarioError> {
        let steps = &mut self.scenario.steps;
        let first = steps.len().saturating_sub(self.group);
        if steps.is_empty() {
            let what = "it is a consequence of a call; write the call above it";
            return Err(line.error_at(column, what));
        }
        Ok(&mut steps[first..])
    }

    /// `NAME:` in front of a call; without it the first client is meant.
    fn client_of(&mut self, line: &mut Line<'_>) -> Result<usize, ScenarioError> {
        let column = line.column();
        let Some((name, _)) = line.rest().split_once(':') else { return Ok(0) };
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)) {
            return Ok(0);
        }
        let name = name.to_owned();
        let _ = line.name();
        let _ = line.eat(":");
        let known = self.scenario.clients.iter().position(|client| client.name == name);
        known.ok_or_else(|| {
            let what =
                format!("no client is called `{name}`; write `client {name} uid=1000` first");
            line.error_at(column, what)
        })
    }

    fn finish(mut self) -> Result<Scenario, ScenarioError> {
        if let Some((line, column, label)) = &self.mount_filter
            && !self.scenario.filters.iter().any(|filter| filter.label == *label)
        {
            let what = format!("no filter has the label `{label}`; write `filter {label} = SPEC`");
            return Err(ScenarioError { line: *line, column: *column, what });
        }
        if self.scenario.abis.is_empty() {
            self.scenario.abis.push(Abi::V4);
        }
        if self.scenario.clients.is_empty() {
            self.scenario.clients.push(ClientLine::root());
        }
        check_tree(&self.scenario.lower, 0)?;
        if let Some(tree) = &self.scenario.tree {
            check_tree(&tree.text, tree.line)?;
        }
        Ok(self.scenario)
    }
}

/// Tree text must be readable before anything runs.
fn check_tree(text: &str, above: usize) -> Result<(), ScenarioError> {
    let read = MemFs::from_tree(text);
    read.map(|_| ()).map_err(|error| ScenarioError {
        line: error.line + above,
        column: error.column,
        what: error.problem.to_string(),
    })
}

fn rule(line: &mut Line<'_>) -> Result<Rule, ScenarioError> {
    let slot = slot(line)?;
    let mut conditions = Vec::new();
    let mut actions = Vec::new();
    while !line.eat("->") {
        if line.at_end() {
            return Err(line.error("expected `-> CODE`, such as -> POSTFILTER or -> ENOENT"));
        }
        if line.eat_word("set") {
            let path = line.name().to_owned();
            equals(line)?;
            actions.push(Action::Set { path, value: line.integer()? });
        } else if line.eat_word("resize") {
            let name = line.word().to_owned();
            let size = line.integer()?;
            actions.push(Action::Resize { name, size, copy: line.eat_word("copy") });
        } else if line.eat_word("write") {
            let name = line.word().to_owned();
            actions.push(Action::Write { name, bytes: line.bytes()? });
        } else if line.eat_word("print") {
            actions.push(Action::Print(utf8(line)?));
        } else {
            conditions.push(condition(line)?);
        }
    }
    let code = verdict(line)?;
    line.end()?;
    Ok(Rule { slot, conditions, actions, code })
}

fn slot(line: &mut Line<'_>) -> Result<Slot, ScenarioError> {
    let column = line.column();
    let word = line.word();
    Slot::from_name(word).ok_or_else(|| {
        let what = format!("no member is called `{word}`; write one such as lookup_prefilter");
        line.error_at(column, what)
    })
}

fn verdict(line: &mut Line<'_>) -> Result<i32, ScenarioError> {
    let column = line.column();
    let word = line.word();
    code(word).ok_or_else(|| {
        let what = format!("`{word}` is no code; write CONTINUE, POSTFILTER, ENOENT or a number");
        line.error_at(column, what)
    })
}

fn equals(line: &mut Line<'_>) -> Result<(), ScenarioError> {
    if line.eat("=") { Ok(()) } else { Err(line.error("expected `=`")) }
}

/// `in.flags=2` or `name="a"`.
pub(super) fn condition(line: &mut Line<'_>) -> Result<Condition, ScenarioError> {
    let column = line.column();
    let path = line.name().to_owned();
    if path.is_empty() {
        let what = format!("unexpected `{}`; expected FIELD=NUMBER or BUFFER=\"...\"", line.rest());
        return Err(line.error_at(column, what));
    }
    equals(line)?;
    if line.at_bytes() {
        return Ok(Condition::Bytes { name: path, value: line.bytes()? });
    }
    Ok(Condition::Field { path, value: line.integer()? })
}

fn utf8(line: &mut Line<'_>) -> Result<String, ScenarioError> {
    let column = line.column();
    String::from_utf8(line.bytes()?)
        .map_err(|error| line.error_at(column, format!("printed lines are UTF-8: {error}")))
}

fn consequence_of(line: &mut Line<'_>) -> Result<Consequence, ScenarioError> {
    if line.eat_word("no") {
        let _ = line.eat_word("filter");
        let slot = if line.at_end() { None } else { Some(slot(line)?) };
        line.end()?;
        return Ok(Consequence::NoFilter { slot });
    }
    if line.eat_word("print") {
        let text = utf8(line)?;
        line.end()?;
        return Ok(Consequence::Print(text));
    }
    if line.eat_word("quirk") {
        let column = line.column();
        let id = line.word().to_owned();
        if fuserig_abi::Quirk::from_id(&id).is_none() {
            return Err(line.error_at(column, format!("no quirk has the id `{id}`")));
        }
        line.end()?;
        return Ok(Consequence::Quirk(id));
    }
    let _ = line.eat_word("filter");
    let slot = slot(line)?;
    let mut conditions = Vec::new();
    let mut code = None;
    while !line.at_end() {
        if line.eat("->") {
            code = Some(verdict(line)?);
            line.end()?;
        } else {
            conditions.push(condition(line)?);
        }
    }
    Ok(Consequence::Filter { slot, conditions, code })
}

fn act(line: &mut Line<'_>) -> Result<Act, ScenarioError> {
    if line.eat("list(") {
        let path = path_in_brackets(line)?;
        let names = list_result(line)?;
        return Ok(Act::List { path, names });
    }
    if line.eat("cat(") {
        let path = path_in_brackets(line)?;
        let text = if line.eat("=") { Some(line.bytes()?) } else { None };
        line.end()?;
        return Ok(Act::Cat { path, text });
    }
    if line.eat("put(") {
        let path = line.bytes()?;
        if !line.eat(",") {
            return Err(line.error("expected `, \"bytes\")`"));
        }
        let bytes = path_in_brackets(line)?;
        let fails = if line.eat("=") { Some(verdict(line)?) } else { None };
        line.end()?;
        return Ok(Act::Put { path, bytes, fails });
    }
    if line.eat_word("lower") {
        let path = line.bytes()?;
        equals(line)?;
        let is = if line.at_bytes() {
            Below::Text(line.bytes()?)
        } else {
            let column = line.column();
            match line.word() {
                "absent" | "ENOENT" => Below::Absent,
                "file" => Below::File,
                "directory" => Below::Directory,
                _ => {
                    let what = "expected absent, file, directory or bytes in double quotes";
                    return Err(line.error_at(column, what));
                }
            }
        };
        line.end()?;
        return Ok(Act::Lower { path, is });
    }
    if line.eat_word("power") {
        return Ok(Act::Power(power(line)?));
    }
    match under_way(line)? {
        Some(act) => Ok(act),
        None => Ok(Act::Call(call_form(line)?)),
    }
}

/// What happens to a call that is held.
fn under_way(line: &mut Line<'_>) -> Result<Option<Act>, ScenarioError> {
    if line.eat_word("held") {
        let what = "expected `after N of CALL`, such as held after 4 of mkdir(\"/d\") = 0";
        if !line.eat_word("after") {
            return Err(line.error(what));
        }
        let steps = number_of_32_bits(line)?;
        if !line.eat_word("of") {
            return Err(line.error("expected `of`, then the call that is held"));
        }
        return Ok(Some(Act::Held { steps, call: call_form(line)? }));
    }
    if line.eat_word("goes") {
        if !line.eat_word("on") {
            return Err(line.error("expected `on`, and the number of steps if it is held again"));
        }
        let steps = if line.at_end() { None } else { Some(number_of_32_bits(line)?) };
        line.end()?;
        return Ok(Some(Act::GoesOn { steps }));
    }
    if line.eat_word("gets") {
        if !(line.eat_word("a") && line.eat_word("signal")) {
            return Err(line.error("expected `a signal`"));
        }
        line.end()?;
        return Ok(Some(Act::Signal));
    }
    Ok(None)
}

/// A call up to the end of the line.
fn call_form(line: &Line<'_>) -> Result<CallForm, ScenarioError> {
    let above = line.column() - 1;
    let form = CallForm::parse(line.rest()).map_err(|error| match error {
        TextError::Syntax { column, what, .. } => line.error_at(above + column, what),
        other => line.error(other.to_string()),
    })?;
    let unjudged = form.record.out.iter().find(|(field, _)| !JUDGED_OUTPUTS.contains(field));
    let Some((field, _)) = unjudged else { return Ok(form) };
    let field = field.to_string();
    let place = line.rest().rfind(&field).unwrap_or(0);
    let judged: Vec<String> = JUDGED_OUTPUTS.iter().map(ToString::to_string).collect();
    let what = format!("nobody judges {field} here; leave it out, or say {}", judged.join(", "));
    Err(line.error_at(above + 1 + place, what))
}

/// `lost 0 2 after 5 of CALL` behind `power`.
fn power(line: &mut Line<'_>) -> Result<PowerLine, ScenarioError> {
    if !line.eat_word("lost") {
        let what = "expected `lost`, then the numbers of the changes that are lost";
        return Err(line.error(what));
    }
    let mut lost = Vec::new();
    while line.rest().starts_with(|first: char| first.is_ascii_digit()) {
        lost.push(number_of_32_bits(line)?);
    }
    if !line.eat_word("after") {
        line.end()?;
        return Ok(PowerLine { lost, during: None });
    }
    let steps = number_of_32_bits(line)?;
    if !line.eat_word("of") {
        return Err(line.error("expected `of`, then the call that power is lost in"));
    }
    let call = call_form(line)?;
    if call.expected != ExpectedResult::Success {
        return Err(line.error("the call never returns; leave out its result"));
    }
    Ok(PowerLine { lost, during: Some((steps, call)) })
}

fn number_of_32_bits(line: &mut Line<'_>) -> Result<u32, ScenarioError> {
    let column = line.column();
    let number = u32::try_from(line.integer()?).ok();
    number.ok_or_else(|| line.error_at(column, "a number of 32 bits is expected"))
}

fn path_in_brackets(line: &mut Line<'_>) -> Result<Vec<u8>, ScenarioError> {
    let path = line.bytes()?;
    if line.eat(")") { Ok(path) } else { Err(line.error("expected `)`")) }
}

/// `= "." ".." "a"` or `= ENOENT`.
fn list_result(line: &mut Line<'_>) -> Result<Result<Vec<Vec<u8>>, i32>, ScenarioError> {
    equals(line)?;
    if !line.at_bytes() {
        let code = verdict(line)?;
        line.end()?;
        return Ok(Err(code));
    }
    let mut names = Vec::new();
    while line.at_bytes() {
        names.push(line.bytes()?);
    }
    line.end()?;
    Ok(Ok(names))
}

/// The fuzzer's door: any bytes as a scenario, read and, when they are one, run for a few steps.
#[doc(hidden)]
pub fn fuzz_entry(bytes: &[u8]) {
    const STEPS_MAX: usize = 16;
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    let Ok(mut scenario) = Scenario::parse(text) else { return };
    scenario.steps.truncate(STEPS_MAX);
    for &abi in &scenario.abis {
        let resolve = |spec: &str| Err(format!("no filter {spec} while fuzzing"));
        let _ = super::run(&scenario, abi, &resolve);
    }
}

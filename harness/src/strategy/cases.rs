//! The strategies, and the way proptest makes a case smaller.

use fuserig_sim_fs::MemFs;
use proptest::strategy::{NewTree, Strategy, ValueTree};
use proptest::test_runner::{Reason, TestRunner};

use crate::shrink::reductions;
use crate::sim::{Action, Case, Program, Rng, Schedule, Seed, Subject, Switch, WorkloadConfig};

/// Most forced switches that are drawn.
const SWITCHES_MAX: u64 = 6;
/// A switch is before one of so many steps of its action.
const STEPS: u64 = 12;

/// Whole cases over the tree of a subject: see [`cases`].
///
/// ```
/// use fuserig::prelude::*;
/// use fuserig::sim::WorkloadConfig;
/// use fuserig::strategy::cases;
/// use proptest::strategy::{Strategy, ValueTree};
/// use proptest::test_runner::TestRunner;
/// let subject = Subject::new(Abi::V4, readonly).over("/a 'x'");
/// let workload = WorkloadConfig { operations: 12, ..WorkloadConfig::default() };
/// let drawn = cases(&subject, workload).new_tree(&mut TestRunner::deterministic());
/// let case = drawn.expect("the tree is well-formed").current();
/// assert_eq!((case.operations(), case.tree.as_str()), (12, "/a 'x'"));
/// ```
#[derive(Clone, Debug)]
pub struct Cases {
    base: Case,
    workload: WorkloadConfig,
}

/// Cases over the tree and the ABI of `subject`, with what its filter mentions among the names and
/// sizes. A tree that is not well-formed is why nothing can be drawn.
pub fn cases(subject: &Subject, workload: WorkloadConfig) -> Cases {
    let mentions = (subject.filter)().map(|filter| filter.mentions()).unwrap_or_default();
    let base = Case {
        filter: subject.spec.clone(),
        abi: subject.abi,
        fidelity: subject.fidelity,
        tree: subject.tree.clone(),
        ..Case::default()
    };
    Cases { base, workload: workload.mentioning(mentions) }
}

impl Cases {
    fn draw(&self, mut rng: Rng) -> Result<Case, Reason> {
        let tree = MemFs::from_tree(&self.base.tree).map_err(|error| error.to_string())?;
        let clients = self.workload.draw(&mut rng, &tree);
        let schedule = switches(&mut rng, &clients);
        Ok(Case { clients, schedule, ..self.base.clone() })
    }
}

/// A few switches at places of the programs.
fn switches(rng: &mut Rng, clients: &[Program]) -> Schedule {
    let mut switches = Vec::new();
    for _ in 0..rng.below(SWITCHES_MAX + 1) {
        let client = rng.index(clients.len());
        let to = rng.index(clients.len());
        let actions = clients[client].actions.len();
        if to != client && actions > 0 {
            let (action, step) = (rng.index(actions), rng.below(STEPS) as u32);
            switches.push(Switch { client, action, step, to });
        }
    }
    switches.sort_unstable();
    Schedule { switches }
}

fn rng(runner: &mut TestRunner) -> Rng {
    // `Any` of 64 bits is what proptest draws seeds with.
    let word = proptest::num::u64::ANY.new_tree(runner).map_or(0, |tree| tree.current());
    Seed(word).rng()
}

impl Strategy for Cases {
    type Tree = CaseTree;
    type Value = Case;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Cases> {
        Ok(CaseTree::new(self.draw(rng(runner))?))
    }
}

/// Programs of clients over that tree: the clients of a case alone.
///
/// ```
/// use fuserig::sim::WorkloadConfig;
/// use fuserig::strategy::programs;
/// use proptest::strategy::{Strategy, ValueTree};
/// use proptest::test_runner::TestRunner;
/// let workload = WorkloadConfig { clients: 3, operations: 30, ..WorkloadConfig::default() };
/// let drawn = programs("/a 'x'", workload).new_tree(&mut TestRunner::deterministic());
/// assert_eq!(drawn.expect("the tree is well-formed").current().len(), 3);
/// ```
pub fn programs(
    tree: &str,
    workload: WorkloadConfig,
) -> impl Strategy<Value = Vec<Program>> + use<> {
    let base = Case { tree: tree.to_owned(), ..Case::default() };
    Cases { base, workload }.prop_map(|case| case.clients)
}

/// One system call with symbolic arguments over that tree; it may use any of the names of
/// `workload`. It shrinks by its arguments alone.
///
/// ```
/// use fuserig::sim::WorkloadConfig;
/// use proptest::strategy::{Strategy, ValueTree};
/// use proptest::test_runner::TestRunner;
/// let action = fuserig::strategy::action("/a 'x'", WorkloadConfig::default());
/// assert!(action.new_tree(&mut TestRunner::deterministic()).is_ok());
/// ```
pub fn action(tree: &str, workload: WorkloadConfig) -> impl Strategy<Value = Action> + use<> {
    let workload = WorkloadConfig { clients: 1, operations: 1, ..workload };
    programs(tree, workload).prop_filter_map("a case keeps an action", |mut clients| {
        clients.first_mut().and_then(|program| program.actions.pop())
    })
}

/// A case on its way to a smaller one.
///
/// ```
/// use fuserig::prelude::*;
/// use fuserig::strategy::CaseTree;
/// use proptest::strategy::ValueTree;
/// let actions = vec![Action::Stat { path: "a".into(), follow: true }; 8];
/// let case = Case { clients: vec![Program::of(0, actions)], ..Case::default() };
/// let mut tree = CaseTree::new(case);
/// assert!(tree.simplify());
/// assert!(tree.current().operations() < 8);
/// ```
#[derive(Clone, Debug)]
pub struct CaseTree {
    /// The smallest that is known to fail.
    best: Case,
    current: Case,
    /// What is to be tried yet, in the order of trial, the next last.
    smaller: Vec<Case>,
}

impl CaseTree {
    /// Begins with a case.
    pub fn new(case: Case) -> CaseTree {
        let mut smaller = reductions(&case);
        smaller.reverse();
        CaseTree { best: case.clone(), current: case, smaller }
    }

    fn next(&mut self) -> bool {
        match self.smaller.pop() {
            Some(case) => {
                self.current = case;
                true
            }
            None => {
                self.current = self.best.clone();
                false
            }
        }
    }
}

impl ValueTree for CaseTree {
    type Value = Case;

    fn current(&self) -> Case {
        self.current.clone()
    }

    /// The current case fails as well: it is the one to make smaller.
    fn simplify(&mut self) -> bool {
        if self.current != self.best {
            *self = CaseTree::new(self.current.clone());
        }
        self.next()
    }

    /// The current case passes: the next reduction of the last that failed.
    fn complicate(&mut self) -> bool {
        self.next()
    }
}

#[cfg(test)]
mod tests {
    use proptest::strategy::{Strategy, ValueTree};
    use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

    use super::{cases, programs};
    use crate::prelude::*;
    use crate::sim::WorkloadConfig;

    #[test]
    fn proptest_shrinks_a_case_to_what_matters() {
        let leaky = || {
            FuseOps::new("leaky").lookup_prefilter(|_, name| match name.name() {
                b".secret" => Verdict::Error(Errno::ENOENT),
                _ => Verdict::Continue,
            })
        };
        let subject = Subject::new(Abi::V4, leaky).over("/.secret 'no'\n/a 'x'\n/d/");
        let workload =
            WorkloadConfig { names: vec![".secret".into()], ..WorkloadConfig::default() };
        let config = Config { failure_persistence: None, cases: 64, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(
            config,
            proptest::test_runner::TestRng::deterministic_rng(
                proptest::test_runner::RngAlgorithm::ChaCha,
            ),
        );
        let found = runner.run(&cases(&subject, workload), |case| {
            let found = Simulation::of_case(case)
                .run(subject.clone())
                .check(invariant::never_visible(".secret"))
                .violation();
            found.map_or(Ok(()), |found| Err(TestCaseError::fail(found.to_string())))
        });
        let Err(TestError::Fail(why, case)) = found else { panic!("{found:?}") };
        assert!(why.to_string().contains("never_visible"), "{why}");
        assert!(case.operations() <= 2, "{}", case.to_json());
        assert_eq!(case.tree.lines().count(), 1, "{}", case.tree);
    }

    #[test]
    fn the_same_generator_gives_the_same_programs() {
        let drawn = || {
            let strategy = programs("/a 'x'\n/d/", WorkloadConfig::default());
            strategy.new_tree(&mut TestRunner::deterministic()).expect("a good tree").current()
        };
        assert_eq!(drawn(), drawn());
        let bad = programs("/a '", WorkloadConfig::default());
        assert!(bad.new_tree(&mut TestRunner::deterministic()).is_err());
    }
}

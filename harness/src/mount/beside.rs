//! On the processor of whoever asks.
//!
//! A client that waits for each answer and a server that waits for each request never run at the
//! same time. On two processors each has to bring the other's back from idleness, which takes
//! longer than the pipeline; on one they take turns. The scheduler does not know that they do, and
//! puts whoever is woken on an idle processor. So while one thread asks, and asks again only when
//! it has its answer, the thread that answers goes to that thread's processor and keeps to it, with
//! a policy by which the processor counts as idle for the client that it wakes.
//!
//! It goes where it likes again as soon as somebody else asks, or when requests wait before those
//! ahead of them are answered: then there is work for two. And it follows nobody while others want
//! to run: with such a policy it gets what they leave.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fuserig_abi::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::guard::{Guard, Taken};
use super::helper::Helper;
use super::policy::{self, Policy};
use super::scout::Scout;
use crate::rim::Stopwatch;
use crate::serve::Incoming;

/// So many requests of one thread, and of nobody else, before it is followed.
const SURE: u32 = 16;
/// After so many it is looked where the client is now.
const LOOK_AGAIN: u32 = 256;
/// After so many already when it asked late.
const LOOK_SOON: u32 = 8;
/// A client on another processor takes longer than this to be woken and to ask.
const LATE: Duration = Duration::from_micros(30);
/// What a request that has another behind it counts; one that has none takes 1 back.
const CROSSED: u32 = 2;
/// From so many on the client does not wait for its answers. What the kernel has to say besides,
/// such as FORGET, comes in eights.
const CROSSED_MAX: u32 = 32;
/// A client that takes so long to ask again has other things to do, or the answer had to wait.
const SLOW: Duration = Duration::from_millis(1);
/// At most so long a thread waits for the processor while its client goes on to the next request.
const TURN: Duration = Duration::from_micros(10);
/// Nobody is followed for so many requests after an answer had to wait for the processor, and for
/// twice as many each time that it happens again.
const REST: u32 = 256;
/// For so many at most. After so many in which no answer had to wait it begins anew.
const REST_MAX: u32 = 4096;

/// What to do after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Advice {
    /// Nothing changes.
    Stay,
    /// Find out where the client is, to go there.
    Follow(Pid),
    /// The client is not alone any longer.
    Part,
}

/// Who asked of late.
#[derive(Debug, Default)]
struct Company {
    asker: Pid,
    /// Requests of the asker without a break.
    row: u32,
    /// Those since it was looked where the asker is.
    unseen: u32,
    /// How often another request was there before an answer, of late.
    crossed: u32,
    /// For how many requests more nobody is followed.
    rest: u32,
    /// For how many it was the last time; 0 when that is long ago.
    rested: u32,
    /// Requests since that was over.
    calm: u32,
}

impl Company {
    /// An answer had to wait for the processor.
    fn crowded(&mut self) {
        self.rested = (2 * self.rested).clamp(REST, REST_MAX);
        (self.rest, self.calm) = (self.rested, 0);
    }

    /// A request of `asker` was answered that somebody waits for; `crossed` says whether another
    /// was there before, and `late` whether the client took its time to ask.
    fn answered(&mut self, asker: Pid, crossed: bool, late: bool) -> Advice {
        match self.rest {
            0 if self.calm < REST_MAX => self.calm += 1,
            0 => self.rested = 0,
            _ => self.rest -= 1,
        }
        // The kernel's own requests say nothing about clients.
        if asker == Pid(0) {
            return Advice::Stay;
        }
        self.crossed =
            if crossed { self.crossed + CROSSED } else { self.crossed.saturating_sub(1) };
        if asker != self.asker || self.crossed >= CROSSED_MAX {
            *self = Company { asker, row: 0, unseen: 0, crossed: self.crossed / 2, ..*self };
            return Advice::Part;
        }
        self.row = self.row.saturating_add(1);
        self.unseen += 1;
        let enough = if late { LOOK_SOON } else { LOOK_AGAIN };
        let looks = self.row == SURE || (self.row > SURE && self.unseen >= enough);
        if !looks || self.rest > 0 {
            return Advice::Stay;
        }
        self.unseen = 0;
        Advice::Follow(asker)
    }
}

/// Keeps the thread that made it on the processor of a client that is alone.
#[derive(Debug)]
pub(super) struct Beside {
    company: Company,
    /// Where the thread may run; none when nobody is followed here.
    allowed: Option<CpuSet>,
    /// Whether it is known that the policy can be left again.
    comes_back: Arc<AtomicBool>,
    /// Who sees to it that this thread gets on.
    guard: Option<Guard>,
    /// Who looks where the client is.
    scout: Option<Scout>,
    /// The processor that it keeps to.
    on: Option<usize>,
    /// What is known of the load.
    load: Option<Load>,
    /// A thread that works for this one.
    helper: Arc<Helper>,
    /// How long this thread had waited for processors, and its client had run, when it last looked.
    waited: Duration,
    client: Option<Client>,
    /// Since the last answer.
    since: Stopwatch,
    /// How long the client took to ask after it.
    gap: Duration,
}

impl Beside {
    /// For this thread. Without procfs, without the right to come back, or with one processor, it
    /// never follows anybody.
    pub(super) fn here() -> Beside {
        let load = Load::of_this_thread();
        let allowed = sched_getaffinity(None).ok().filter(|set| set.count() > 1);
        let allowed = allowed.filter(|_| load.is_some());
        let comes_back = match allowed {
            Some(_) => policy::comes_back(),
            None => Arc::default(),
        };
        let guard = allowed.and_then(Guard::over_this_thread);
        let scout = guard.as_ref().and_then(|_| Scout::start());
        let allowed = allowed.filter(|_| scout.is_some());
        let (company, since) = (Company::default(), Stopwatch::start());
        let (waited, gap) = (Duration::ZERO, Duration::ZERO);
        let helper = Arc::default();
        Beside {
            company,
            allowed,
            comes_back,
            guard,
            scout,
            on: None,
            load,
            helper,
            waited,
            client: None,
            since,
            gap,
        }
    }

    /// Who works for this thread, and tells when, is not a crowd and keeps out of the way.
    pub(super) fn helped_by(&mut self, helper: Arc<Helper>) {
        self.helper = helper;
    }

    /// Whether the thread keeps to the processor of its client now.
    pub(super) fn follows(&self) -> bool {
        self.on.is_some()
    }

    /// A request was received.
    pub(super) fn asked(&mut self) {
        self.gap = self.since.elapsed();
    }

    /// Goes where it is best after an answer to `asker`, who waits for it; `crossed` says whether
    /// another request was there before.
    pub(super) fn answered(&mut self, asker: Pid, crossed: bool) {
        if let Some(guard) = self.guard.as_ref().filter(|_| self.on.is_some()) {
            guard.beat();
            if let Some(taken) = guard.took_it_back() {
                if taken == Taken::Stuck {
                    self.company.crowded();
                }
                self.company.row = 0;
                self.part();
            }
        }
        if self.follows() && self.since.elapsed() > SLOW && self.lingers() {
            self.part();
        } else {
            match self.company.answered(asker, crossed, self.follows() && self.gap > LATE) {
                Advice::Stay => self.follow_who_was_found(),
                Advice::Part => self.part(),
                Advice::Follow(client) => self.look_for(client),
            }
        }
        self.since = Stopwatch::start();
    }

    /// Whether to part because it took long since the last answer: when the client did something
    /// else, and when this thread had to wait for others than its client, whose turns are long
    /// where it has much to copy. Then nobody is followed for a while.
    fn lingers(&mut self) -> bool {
        let usual = TURN * self.company.unseen;
        let of_client = self.client.as_ref().map(Client::ran_since).unwrap_or_default();
        let waited = self.waited().saturating_sub(self.waited).saturating_sub(of_client);
        let crowded = waited > usual + SLOW / 2;
        if crowded {
            self.company.crowded();
        }
        let lingers = self.gap > SLOW || crowded;
        if lingers {
            self.company.row = 0;
        }
        lingers
    }

    fn look_for(&self, client: Pid) {
        let follows = self.allowed.is_some() && self.comes_back.load(Ordering::Relaxed);
        if let Some(scout) = self.scout.as_ref().filter(|_| follows) {
            scout.ask(client);
        }
    }

    /// Follows the client when it is known where it is and it still asks alone.
    fn follow_who_was_found(&mut self) {
        let Some((client, place)) = self.scout.as_ref().and_then(Scout::found) else { return };
        if client == self.company.asker && self.company.row >= SURE && self.company.rest == 0 {
            self.follow(place);
        }
    }

    fn follow(&mut self, place: Option<usize>) {
        let (Some(allowed), Some(load)) = (&self.allowed, &self.load) else { return };
        let place = place.filter(|&place| place < CpuSet::MAX_CPU);
        // This thread, who helps it, and its client, which was just woken; or half of the
        // processors are enough for all, so that nobody else has to be here.
        let expected = 2 + u32::from(self.helper.is_busy());
        let enough = (allowed.count() / 2).max(expected);
        let room = load.running().is_some_and(|running| running <= enough);
        match place.filter(|&place| allowed.is_set(place)) {
            Some(place) if room || self.on == Some(place) => self.go_to(place),
            _ => {
                // It may be better soon.
                self.company.row = 0;
                self.part();
            }
        }
    }

    fn go_to(&mut self, place: usize) {
        self.waited = self.waited();
        let known = self.client.take().filter(|client| client.thread == self.company.asker);
        self.client = known.or_else(|| Client::new(self.company.asker)).map(Client::looked_at);
        if self.on == Some(place) {
            return;
        }
        let mut one = CpuSet::new();
        one.set(place);
        self.on = Some(place);
        // Before it takes the policy on: from then on it may have to wait.
        self.watched(true);
        if sched_setaffinity(None, &one).is_err() || policy::set(Policy::Idle).is_err() {
            return self.part();
        }
        if let Some(mut others) = self.allowed {
            // Its turns are long, and this thread gets what others leave.
            others.unset(place);
            self.helper.keep_to(&others);
        }
    }

    fn part(&mut self) {
        if let (Some(_), Some(allowed)) = (self.on.take(), &self.allowed) {
            // It was tried before that both can be had back.
            let _ = policy::set(Policy::Other);
            let _ = sched_setaffinity(None, allowed);
            self.helper.keep_to(allowed);
            self.watched(false);
        }
    }

    fn watched(&self, watched: bool) {
        if let Some(guard) = &self.guard {
            guard.watch(watched);
        }
    }

    /// How long this thread has waited for processors since it began.
    fn waited(&self) -> Duration {
        self.load.as_ref().map(Load::waited).unwrap_or_default()
    }
}

/// What is known of the client that is followed.
#[derive(Debug)]
struct Client {
    thread: Pid,
    /// Its `/proc/TID/schedstat`, which can be read while it executes a program.
    stat: File,
    /// How long it had run.
    ran: Duration,
}

impl Client {
    /// None where there is no such thread any more.
    fn new(thread: Pid) -> Option<Client> {
        let stat = File::open(format!("/proc/{thread}/schedstat")).ok()?;
        Some(Client { thread, stat, ran: Duration::ZERO })
    }

    /// Counts from now on.
    fn looked_at(self) -> Client {
        Client { ran: sched_time(&self.stat, RAN), ..self }
    }

    fn ran_since(&self) -> Duration {
        sched_time(&self.stat, RAN).saturating_sub(self.ran)
    }
}

/// Fields of `/proc/TID/schedstat`: how long a thread has run, and waited to run, in nanoseconds
/// (the kernel's sched-stats.rst).
const RAN: usize = 0;
const WAITED: usize = 1;

/// A field of such a file; nothing where it is gone.
fn sched_time(file: &File, field: usize) -> Duration {
    let text = contents(file).unwrap_or_default();
    let number = text.split(' ').nth(field).and_then(|number| number.parse().ok());
    Duration::from_nanos(number.unwrap_or(0))
}

/// Who else wants processors.
#[derive(Debug)]
struct Load {
    /// `/proc/thread-self/schedstat`.
    own: File,
    /// `/proc/loadavg`.
    all: File,
}

impl Load {
    fn of_this_thread() -> Option<Load> {
        let own = File::open("/proc/thread-self/schedstat").ok()?;
        Some(Load { own, all: File::open("/proc/loadavg").ok()? })
    }

    /// How long this thread has waited for processors since it began.
    fn waited(&self) -> Duration {
        sched_time(&self.own, WAITED)
    }

    /// How many threads of the machine run or want to, this one included (man 5 proc_loadavg).
    fn running(&self) -> Option<u32> {
        contents(&self.all)?.split(' ').nth(3)?.split('/').next()?.parse().ok()
    }
}

/// Whether somebody waits for the answer to a request.
pub(super) fn is_waited_for(incoming: &Incoming) -> bool {
    !matches!(
        incoming,
        Incoming::Release { .. }
            | Incoming::Releasedir { .. }
            | Incoming::Forget { .. }
            | Incoming::BatchForget { .. }
    )
}

/// A file of procfs that is short.
pub(super) fn contents(file: &File) -> Option<String> {
    let mut bytes = [0; 1024];
    let length = file.read_at(&mut bytes, 0).ok()?;
    Some(String::from_utf8_lossy(&bytes[..length]).into_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use fuserig_abi::Pid;
    use rustix::thread::{CpuSet, gettid, sched_getaffinity};

    use super::super::policy::tests::can_come_back;
    use super::super::scout::processor_of;
    use super::{
        Advice, Beside, Client, Company, Helper, LOOK_AGAIN, LOOK_SOON, Load, REST, REST_MAX, SURE,
    };

    const ALICE: Pid = Pid(7);
    const BOB: Pid = Pid(8);

    fn ask(company: &mut Company, asker: Pid, times: u32) -> Vec<Advice> {
        let all = (0..times).map(|_| company.answered(asker, false, false));
        all.filter(|advice| *advice != Advice::Stay).collect()
    }

    #[test]
    fn one_client_is_followed_and_looked_after() {
        let mut company = Company::default();
        assert_eq!(ask(&mut company, ALICE, SURE), [Advice::Part]);
        assert_eq!(ask(&mut company, ALICE, 1), [Advice::Follow(ALICE)]);
        let later = ask(&mut company, ALICE, 2 * LOOK_AGAIN);
        assert_eq!(later, [Advice::Follow(ALICE); 2], "where it is now");
        let late = (0..4 * LOOK_SOON).map(|_| company.answered(ALICE, false, true));
        assert_eq!(late.filter(|advice| *advice == Advice::Follow(ALICE)).count(), 4);
    }

    #[test]
    fn two_clients_are_not_followed() {
        let mut company = Company::default();
        for _ in 0..LOOK_AGAIN {
            assert_eq!(ask(&mut company, ALICE, 1), [Advice::Part]);
            assert_eq!(ask(&mut company, BOB, 1), [Advice::Part]);
        }
        // The kernel's own requests are nobody's.
        assert_eq!(ask(&mut company, BOB, SURE - 1), []);
        assert_eq!(ask(&mut company, Pid(0), SURE), []);
        assert_eq!(ask(&mut company, BOB, 1), [Advice::Follow(BOB)]);
    }

    #[test]
    fn who_does_not_wait_for_answers_is_not_followed() {
        let mut company = Company::default();
        ask(&mut company, ALICE, SURE);
        let asks = |company: &mut Company, crossed| company.answered(ALICE, crossed, false);
        // Eight with something behind them are nothing special.
        assert!((0..8).all(|_| asks(&mut company, true) != Advice::Part));
        assert_eq!(ask(&mut company, ALICE, 16), []);
        let parted = (0..17).map(|_| asks(&mut company, true)).find(|a| *a == Advice::Part);
        assert_eq!(parted, Some(Advice::Part));
    }

    #[test]
    fn after_a_crowd_nobody_is_followed_for_a_while() {
        let mut company = Company::default();
        for rest in [REST, 2 * REST, 4 * REST, 8 * REST, REST_MAX, REST_MAX] {
            company.crowded();
            assert!(!ask(&mut company, ALICE, rest - 1).contains(&Advice::Follow(ALICE)));
            assert_eq!(ask(&mut company, ALICE, LOOK_AGAIN), [Advice::Follow(ALICE)]);
        }
        ask(&mut company, BOB, REST_MAX);
        company.crowded();
        assert!(!ask(&mut company, BOB, REST - 1).contains(&Advice::Follow(BOB)));
        assert_eq!(ask(&mut company, BOB, LOOK_AGAIN), [Advice::Follow(BOB)], "it is long ago");
    }

    #[test]
    fn what_a_client_has_run_is_counted_from_the_last_look() {
        let me = Pid(gettid().as_raw_nonzero().get().cast_unsigned());
        let client = Client::new(me).expect("of this thread").looked_at();
        while client.ran_since().is_zero() {
            std::hint::spin_loop();
        }
        assert!(client.looked_at().ran > Duration::ZERO);
        assert!(Client::new(Pid(u32::MAX)).is_none(), "there is no such thread");
    }

    #[test]
    fn a_thread_goes_to_its_client_and_may_go_everywhere_again() {
        let me = Pid(gettid().as_raw_nonzero().get().cast_unsigned());
        let place = processor_of(me).expect("a thread has a processor");
        assert!(place < CpuSet::MAX_CPU);
        assert_eq!(processor_of(Pid(u32::MAX)), None);
        let before = sched_getaffinity(None).expect("of this thread");
        let mut beside = Beside::here();
        assert!(beside.load.as_ref().and_then(Load::running).expect("this thread runs") > 0);
        if beside.allowed.is_none() || !can_come_back() {
            return println!("skipped: one processor, or no right to come back to it");
        }
        let (helper, (tell, told), (end, ended)) =
            (Arc::<Helper>::default(), channel(), channel::<()>());
        beside.helped_by(Arc::clone(&helper));
        let works = move || {
            helper.is_here();
            tell.send(gettid()).expect("somebody listens");
            ended.recv().expect_err("it is given up")
        };
        let thread = std::thread::Builder::new().spawn(works).expect("a thread");
        let of_helper = Some(told.recv().expect("it has a number"));
        beside.go_to(place);
        assert!(beside.follows());
        assert_eq!(sched_getaffinity(None).expect("of this thread").count(), 1);
        assert!(!sched_getaffinity(of_helper).expect("of the helper").is_set(place));
        beside.answered(BOB, false);
        assert!(!beside.follows());
        assert_eq!(sched_getaffinity(None).expect("of this thread"), before);
        assert_eq!(sched_getaffinity(of_helper).expect("of the helper"), before);
        drop(end);
        thread.join().expect("it ends");
    }
}

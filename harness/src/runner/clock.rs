//! Deadlines of one run: wall time, CPU time, samples of the leaf, and patience with a stopped guest.

use std::time::{Duration, Instant};

use crate::cgroup::Leaf;
use crate::evidence::Deadline;
use crate::plan::Plan;

/// How long the init has to kill everything and to report after `Stop`, before it is killed itself (a
/// body without a pid namespace can stop its init).
const STOP_GRACE: Duration = Duration::from_secs(5);

/// And how long once the body has ended by itself: longer than the init waits for those it kills.
const LAST_GRACE: Duration = Duration::from_secs(30);

/// A guest without any deadline is looked at this often.
const IDLE: Duration = Duration::from_secs(3600);

/// Samples of the leaf's memory: soon at first, then ever more rarely (each costs about 0.1 ms).
const FIRST_SAMPLE: Duration = Duration::from_millis(5);
const SLOWEST_SAMPLE: Duration = Duration::from_millis(250);

/// CPU time is looked at no more often than this: limits are exact to it.
const CPU_STEP: Duration = Duration::from_millis(1);

/// What a look at the clock says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Tick {
    /// Go on.
    Nothing,
    /// This deadline has run out: stop the guest.
    Expired(Deadline),
    /// The CPU time of the leaf cannot be read, and so not be limited: stop the guest.
    Blind,
    /// The guest was told to stop and does not: kill it.
    Unresponsive,
}

/// The clock of one run.
#[derive(Debug)]
pub(crate) struct Clock {
    started: Instant,
    wall: Option<Duration>,
    cpu: Option<Duration>,
    /// When CPU time can have run out at the earliest.
    cpu_check: Instant,
    sample: Option<Sampling>,
    stopped: Option<Instant>,
    /// How long it may take from then.
    grace: Duration,
}

#[derive(Debug)]
struct Sampling {
    next: Instant,
    pause: Duration,
}

impl Clock {
    /// Starts with the request to the zygote.
    pub(crate) fn new(plan: &Plan, started: Instant, has_leaf: bool) -> Self {
        let sampled = has_leaf && plan.leaf.as_ref().is_some_and(|leaf| leaf.memory_max.is_some());
        let first = Sampling { next: started + FIRST_SAMPLE, pause: FIRST_SAMPLE };
        Self {
            started,
            wall: plan.timeout,
            cpu: plan.cpu_time,
            cpu_check: started + plan.cpu_time.map_or(IDLE, cpu_pause),
            sample: sampled.then_some(first),
            stopped: None,
            grace: STOP_GRACE,
        }
    }

    /// When to look next, if nothing happens before.
    pub(crate) fn next_event(&self) -> Instant {
        if let Some(stopped) = self.stopped {
            return stopped + self.grace;
        }
        let wall = self.wall.and_then(|wall| self.started.checked_add(wall));
        let cpu = self.cpu.map(|_| self.cpu_check);
        let sample = self.sample.as_ref().map(|sample| sample.next);
        let events = [wall, cpu, sample].into_iter().flatten();
        events.min().unwrap_or_else(|| Instant::now() + IDLE)
    }

    /// Looks at everything that is due.
    pub(crate) fn tick(&mut self, leaf: Option<&mut Leaf>) -> Tick {
        let now = Instant::now();
        if let Some(stopped) = self.stopped {
            return self.patience(stopped, now);
        }
        if let Some(wall) = self.wall.filter(|wall| now.duration_since(self.started) >= *wall) {
            return self.expire(Deadline::Wall(wall), now);
        }
        let Some(leaf) = leaf else { return Tick::Nothing };
        self.take_sample(leaf, now);
        match self.cpu.filter(|_| now >= self.cpu_check) {
            Some(limit) => self.check_cpu(limit, leaf, now),
            None => Tick::Nothing,
        }
    }

    /// The guest is told to stop, for another reason than time; false when it was told before.
    pub(crate) fn stop(&mut self) -> bool {
        let is_first = self.stopped.is_none();
        self.stopped.get_or_insert_with(Instant::now);
        is_first
    }

    /// No deadline runs out any more: what the body did is done. What is left is the init's, which has its own clock.
    pub(crate) fn body_has_ended(&mut self) {
        if self.stopped.is_none() {
            self.stopped = Some(Instant::now());
            self.grace = LAST_GRACE;
        }
    }

    fn patience(&mut self, stopped: Instant, now: Instant) -> Tick {
        if now < stopped + self.grace {
            return Tick::Nothing;
        }
        self.stopped = Some(now);
        Tick::Unresponsive
    }

    fn expire(&mut self, deadline: Deadline, now: Instant) -> Tick {
        self.stopped = Some(now);
        Tick::Expired(deadline)
    }

    fn take_sample(&mut self, leaf: &mut Leaf, now: Instant) {
        let Some(sampling) = self.sample.as_mut().filter(|sampling| now >= sampling.next) else { return };
        leaf.sample();
        sampling.pause = (sampling.pause * 2).min(SLOWEST_SAMPLE);
        sampling.next = now + sampling.pause;
    }

    fn check_cpu(&mut self, limit: Duration, leaf: &Leaf, now: Instant) -> Tick {
        // The leaf was made so that this is readable (LeafLimits::cpu_time).
        let Some(used) = leaf.cpu_time() else {
            self.stopped = Some(now);
            return Tick::Blind;
        };
        if used >= limit {
            return self.expire(Deadline::Cpu(limit), now);
        }
        self.cpu_check = now + cpu_pause(limit.saturating_sub(used));
        Tick::Nothing
    }
}

/// CPU time passes at most as fast as all processors together let it.
fn cpu_pause(left: Duration) -> Duration {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let processors = u32::try_from(processors).unwrap_or(u32::MAX);
    (left / processors).clamp(CPU_STEP, IDLE)
}

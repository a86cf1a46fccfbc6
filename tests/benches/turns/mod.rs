//! Contenders that take turns within one run, in a new order each round, so that a noisy machine hits them alike;
//! medians over all rounds.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// Rounds before those that count.
const WARM_UP: usize = 20;

/// Lets everybody take turns, and prints the table.
pub(crate) fn race(mut rows: Vec<Row>, rounds: usize) {
    rows.iter_mut().enumerate().for_each(|(place, row)| row.place = place);
    let mut random = 0x9e37_79b9_7f4a_7c15;
    for round in 0..WARM_UP + rounds {
        // Nobody always runs behind the same one, whose dying processes and cgroups still cost time.
        shuffle(&mut rows, &mut random);
        for row in &mut rows {
            let took = (row.contender)();
            if round >= WARM_UP {
                row.times.push(took);
            }
        }
    }
    rows.sort_by_key(|row| row.place);
    print_table(&mut rows, rounds);
}

/// Fisher and Yates, on xorshift64.
fn shuffle(rows: &mut [Row], random: &mut u64) {
    for left in (2..=rows.len()).rev() {
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        let chosen = usize::try_from(*random >> 33).expect("31 bits") % left;
        rows.swap(left - 1, chosen);
    }
}

/// One line of the table.
pub(crate) struct Row {
    /// In the table.
    place: usize,
    name: String,
    contender: Contender,
    times: Vec<Duration>,
}

impl Row {
    pub(crate) fn new(name: &str, contender: Contender) -> Self {
        Self { place: 0, name: name.to_owned(), contender, times: Vec::new() }
    }
}

/// Runs once, and says how long it took.
pub(crate) type Contender = Box<dyn FnMut() -> Duration>;

/// A whole command, from spawn to exit.
pub(crate) fn command(words: Vec<String>) -> Contender {
    Box::new(move || time_command(&words))
}

/// The words of a line, a space between each.
pub(crate) fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

/// A test that serves calls (tests/speed), with this directory for its root where it asks for one.
pub(crate) fn served(binary: &Path, test: &str, root: Option<&Path>) -> Contender {
    let mut server = Server::start(binary, test, root);
    Box::new(move || server.call())
}

/// A test that serves calls over its stdin and stdout.
struct Server {
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Server {
    fn start(binary: &Path, test: &str, root: Option<&Path>) -> Self {
        let mut command = Command::new(binary);
        command.envs(root.map(|root| ("ROOT", root)));
        command.args(["--exact", test]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the speed binary starts");
        let requests = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("a piped stdout"));
        Self { child, requests, answers }
    }

    fn call(&mut self) -> Duration {
        let requests = self.requests.as_mut().expect("open until dropped");
        requests.write_all(b"go\n").expect("the server reads");
        loop {
            let mut line = String::new();
            let count = self.answers.read_line(&mut line).expect("the server answers");
            assert!(count > 0, "the isolated test failed: run the speed binary by hand");
            // libtest's own lines stand between ours.
            if let Some(nanoseconds) = line.trim_end().rsplit("took ").next().and_then(|n| n.parse().ok()) {
                return Duration::from_nanos(nanoseconds);
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // End of file ends the test; its own end is of no interest.
        drop(self.requests.take());
        let _ = self.child.wait();
    }
}

fn time_command(words: &[String]) -> Duration {
    let start = Instant::now();
    let output = Command::new(&words[0]).args(&words[1..]).output().expect("the command starts");
    assert!(output.status.success(), "{words:?}: {output:?}");
    start.elapsed()
}

/// Whether a command works on this machine.
pub(crate) fn works(line: &str) -> bool {
    let words = words(line);
    Command::new(&words[0]).args(&words[1..]).output().is_ok_and(|output| output.status.success())
}

/// The optimised libtest binary of tests/speed.
pub(crate) fn build_speed_binary() -> PathBuf {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let arguments = ["test", "--release", "--no-run", "-p", "harness-tests", "--test", "speed"];
    let output = Command::new(cargo).args(arguments).arg("--message-format=json").output();
    let output = output.expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let messages = String::from_utf8(output.stdout).expect("cargo speaks UTF-8");
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut binaries = messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from));
    binaries.next_back().expect("a test binary")
}

fn print_table(rows: &mut [Row], rounds: usize) {
    for row in &mut *rows {
        row.times.sort_unstable();
    }
    let ours = median(&rows[0].times);
    println!("\n| {rounds} rounds, taking turns | median | p90 | against ours |\n|---|---|---|---|");
    for row in rows {
        let (median, p90) = (median(&row.times), row.times[row.times.len() * 9 / 10]);
        let ratio = median.as_secs_f64() / ours.as_secs_f64();
        println!("| {} | {} | {} | {ratio:.2} |", row.name, micros(median), micros(p90));
    }
}

fn median(sorted: &[Duration]) -> Duration {
    sorted[sorted.len() / 2]
}

fn micros(time: Duration) -> String {
    format!("{} µs", time.as_micros())
}

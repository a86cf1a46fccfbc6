//! `harness doctor`: a table for a person, an object for a program.
//!
//! ```text
//! Linux 6.18.0 (x86_64), as root: what it offers to isolated tests, tried just now
//!
//! namespaces           needed by                  found
//!   userns     yes     user; others without root  made, its ids mapped
//!   uts        no      uts, hostname              clone3 uts: operation not permitted (EPERM)
//!              remedy  run as root
//! ```

use std::io;

use serde_json::{Value, json};

use super::words;
use crate::capability::{Answer, Capability, Finding, Group};
use crate::cli::machine::Machine;

type Line = (&'static Capability, Finding);

/// Of the object's format.
const SCHEMA: u32 = 1;

/// What fits a terminal.
const WIDTH: usize = 100;

/// The table. A remedy that lines share stands once, behind the last of them.
pub(crate) fn doctor(machine: &Machine, lines: &[Line]) -> String {
    let mut text = headline(machine);
    let columns = Columns::of(lines);
    let mut group = None;
    for (place, (capability, finding)) in lines.iter().enumerate() {
        if group.replace(capability.group) != Some(capability.group) {
            text.push_str(&format!("\n{}\n", title(capability.group, &columns)));
        }
        text.push_str(&row(capability, &found(lines, place, &columns), finding.answer, &columns));
        let next = lines.get(place + 1).filter(|(next, _)| next.group == capability.group);
        let is_shared = next.is_some_and(|(_, next)| next.remedy == finding.remedy);
        if let Some(remedy) = finding.remedy.as_deref().filter(|_| !is_shared) {
            text.push_str(&self::remedy(remedy, &columns));
        }
    }
    text + &summary(lines)
}

fn headline(machine: &Machine) -> String {
    let Machine { release, architecture, .. } = machine;
    let [release, architecture] = [release, architecture].map(|text| words::shown(text));
    let user = user(machine);
    let text =
        format!("Linux {release} ({architecture}), {user}: what it offers to isolated tests, tried just now");
    format!("{}\n", words::wrapped(&text, WIDTH))
}

fn user(machine: &Machine) -> String {
    match (machine.uid, machine.privileged) {
        (0, true) => "as root".to_owned(),
        (0, false) => "as root without CAP_SYS_ADMIN".to_owned(),
        (uid, true) => format!("as uid {uid} with CAP_SYS_ADMIN"),
        (uid, false) => format!("as uid {uid}, without privilege"),
    }
}

/// Where each column begins.
struct Columns {
    name: usize,
    needed_by: usize,
}

/// `partly` is the longest answer.
const ANSWER: usize = 6;

impl Columns {
    fn of(lines: &[Line]) -> Self {
        let longest = |text: fn(&Capability) -> &str| {
            lines.iter().map(|(capability, _)| text(capability).len()).max().unwrap_or(0)
        };
        Self { name: longest(|one| one.name), needed_by: longest(|one| one.needed_by) }
    }

    /// Where `found` begins.
    fn found(&self) -> usize {
        2 + self.name + 2 + ANSWER + 2 + self.needed_by + 2
    }
}

fn title(group: Group, columns: &Columns) -> String {
    let title = match group {
        Group::Namespaces => "namespaces",
        Group::Files => "file systems",
        Group::Limits => "cgroups",
        Group::Kernel => "kernel",
    };
    let (name, needed_by) = (columns.name + 2, columns.needed_by);
    match group {
        Group::Namespaces => {
            format!("{title:name$}  {:ANSWER$}  {:needed_by$}  found", "", "needed by")
        }
        _ => title.to_owned(),
    }
}

/// What a line found; where that is long and the same as an earlier line's, only whose.
fn found(lines: &[Line], place: usize, columns: &Columns) -> String {
    let (capability, Finding { found, .. }) = &lines[place];
    let mut earlier = lines[..place].iter().filter(|(one, _)| one.group == capability.group);
    let same = earlier.find(|(_, one)| one.found == *found && columns.found() + found.len() > WIDTH);
    same.map_or_else(|| words::shown(found), |(one, _)| format!("as {}", one.name))
}

fn row(capability: &Capability, found: &str, answer: Answer, columns: &Columns) -> String {
    let Columns { name, needed_by } = *columns;
    let answer = self::answer(answer);
    let begin =
        format!("  {:name$}  {answer:ANSWER$}  {:needed_by$}  ", capability.name, capability.needed_by);
    hanging(&begin, columns.found(), found)
}

fn remedy(remedy: &str, columns: &Columns) -> String {
    let begin = format!("{:1$}remedy  ", "", 2 + columns.name + 2);
    hanging(&begin, begin.len(), &words::shown(remedy))
}

/// A text behind its beginning, its further lines below the first.
fn hanging(begin: &str, indent: usize, text: &str) -> String {
    let wrapped = words::wrapped(text, WIDTH.saturating_sub(indent).max(20));
    let line = format!("{begin}{}", wrapped.replace('\n', &format!("\n{:indent$}", "")));
    format!("{}\n", line.trim_end())
}

fn answer(answer: Answer) -> &'static str {
    match answer {
        Answer::Yes => "yes",
        Answer::Partly => "partly",
        Answer::No => "no",
    }
}

fn summary(lines: &[Line]) -> String {
    let count = |asked| lines.iter().filter(|(_, finding)| finding.answer == asked).count();
    format!(
        "\n{} yes, {} partly (works, with a limitation), {} no\n",
        count(Answer::Yes),
        count(Answer::Partly),
        count(Answer::No)
    )
}

/// The object, described by `doctor.schema.json`.
pub(crate) fn doctor_json(machine: &Machine, lines: &[Line]) -> String {
    let capabilities: Vec<Value> = lines.iter().map(line).collect();
    let object = json!({
        "schema": SCHEMA,
        "machine": {
            "release": machine.release,
            "architecture": machine.architecture,
            "uid": machine.uid,
            "privileged": machine.privileged,
        },
        "capabilities": capabilities,
    });
    format!("{object:#}\n")
}

fn line((capability, finding): &Line) -> Value {
    let mut line = json!({
        "name": capability.name,
        "answer": answer(finding.answer),
        "needed_by": capability.needed_by,
        "found": finding.found,
    });
    if let Some(remedy) = &finding.remedy {
        line["remedy"] = json!(remedy);
    }
    line
}

/// stdout that could not be written.
pub(crate) fn not_written(error: &io::Error) -> String {
    format!("harness: write to stdout: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability;
    use crate::report::tests::schema::complaints;

    fn lines() -> Vec<Line> {
        let finding = |place: usize| {
            let answer = [Answer::Yes, Answer::Partly, Answer::No][place % 3];
            let found = ["made", "v2, below our own cgroup: memory, pids; not cpu, cpuset"][place % 2];
            let long = "a remedy that takes more than one line of the table, because it says what to do in a \
                container and without one: `docker run --security-opt seccomp=unconfined`, or be root";
            let remedy = (answer != Answer::Yes).then(|| long.to_owned());
            Finding { answer, found: found.to_owned(), remedy }
        };
        capability::ALL.iter().enumerate().map(|(place, one)| (one, finding(place))).collect()
    }

    fn machine() -> Machine {
        Machine {
            release: "6.1.0-1\x1b[2J".to_owned(),
            architecture: "x86_64".to_owned(),
            uid: 1000,
            privileged: false,
        }
    }

    #[test]
    fn as_a_table() {
        let text = doctor(&machine(), &lines());
        for line in text.lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
        insta::assert_snapshot!(text);
    }

    #[test]
    fn as_an_object() {
        let schema: Value = serde_json::from_str(include_str!("../../doctor.schema.json")).unwrap();
        let text = doctor_json(&machine(), &lines());
        let object: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(complaints(&schema, &object), [""; 0]);
        let mut other = object.clone();
        other["capabilities"][0]["answer"] = json!("perhaps");
        assert_eq!(complaints(&schema, &other).len(), 1);
        let mut more = object;
        more["capabilities"][0]["more"] = json!(1);
        assert_eq!(complaints(&schema, &more).len(), 1);
    }

    #[test]
    fn every_user() {
        let of = |uid, privileged| user(&Machine { uid, privileged, ..machine() });
        assert_eq!(of(0, true), "as root");
        assert_eq!(of(0, false), "as root without CAP_SYS_ADMIN");
        assert_eq!(of(7, true), "as uid 7 with CAP_SYS_ADMIN");
        assert_eq!(of(7, false), "as uid 7, without privilege");
    }
}

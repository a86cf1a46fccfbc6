//! One run of a sandbox: its options become a Spec, the evidence a [`Run`].

use std::fmt;
use std::path::Path;

use super::{Error, Sandbox, Source, check};
use crate::error::{At, Object, SetupError, Step};
use crate::evidence::{Evidence, Process, Usage};
use crate::outcome::Outcome;
use crate::render;
use crate::rootfs::changes::Change;
use crate::runner::{self, End};
use crate::spec::{Bind, InlineFile, Limits, Program, Rootfs, Spec, Tmpfs};

/// How a program ended, what it wrote and what it used.
///
/// `Display` is the text for a person: the ending, its evidence, the end of stderr, a remedy where there is one;
/// `assert!(run.passed(), "{run}")` says all.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Run {
    /// How it ended.
    pub outcome: Outcome,
    /// What it used.
    pub usage: Usage,
    /// All that was written to stdout by the end of the program, by it and by its children.
    pub stdout: Vec<u8>,
    /// All that was written to stderr.
    pub stderr: Vec<u8>,
    /// What was still running when the program had ended and was not about to end; killed since. Where a deadline
    /// or `output_max` ended the run: what was running then, the program too.
    pub leftovers: Vec<Process>,
    changes: Option<Vec<Change>>,
    text: String,
}

impl Run {
    /// Whether the outcome is [`Outcome::Passed`].
    pub fn passed(&self) -> bool {
        self.outcome == Outcome::Passed
    }

    /// What the guest wrote to its root filesystem, by path: read from the upperdir after the end, however the
    /// program ended. Mount points and what lies on other mounts (`/tmp` of a [`Sandbox::tmpfs`], binds) are not
    /// among it.
    ///
    /// `None` without [`Sandbox::changes`], and when the guest did not get as far as to have a root.
    ///
    /// ```
    /// use harness::{ChangeKind, Sandbox};
    ///
    /// # fn main() { match example() { Ok(()) | Err(harness::Error::Unsupported(_)) => {} Err(error) => panic!("{error}") } }
    /// # fn example() -> Result<(), harness::Error> {
    /// let script = "echo new > /etc/new; rm /etc/passwd";
    /// let run = Sandbox::new().pid().host_rootfs().changes().command("sh").args(["-c", script]).output()?;
    /// # if !run.passed() { return Ok(()); } // an ordinary user may not remove what is root's
    /// let changes = run.changes().expect("they were asked for");
    /// assert_eq!(changes[0].path.to_str(), Some("/etc/new"));
    /// assert_eq!((changes[0].kind, changes[0].size), (ChangeKind::Added, Some(4)));
    /// assert_eq!(changes[1].kind, ChangeKind::Deleted);
    /// # Ok(())
    /// # }
    /// ```
    pub fn changes(&self) -> Option<&[Change]> {
        self.changes.as_deref()
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&render::program_ending(self))
    }
}

impl Sandbox {
    /// Runs the program, waits for its end and collects its output. A process that holds the output open does not
    /// keep it waiting: what is left behind is killed.
    ///
    /// # Errors
    /// An option that makes no sense, a step that failed, or what this machine lacks. A program that fails, is
    /// killed or runs out of something is no error: that is its [`Outcome`].
    pub fn output(&self) -> Result<Run, Error> {
        check::check(self)?;
        let here = std::env::current_dir().at(Step::Workdir, "the current directory")?;
        let here = utf8(&here)?;
        let binds: Vec<_> = self.binds.iter().map(bind).collect::<Result<_, _>>()?;
        let files: Vec<_> = self.files.iter().map(file).collect::<Result<_, _>>()?;
        let tmpfs: Vec<_> = self.tmpfs.iter().map(tmpfs).collect::<Result<_, _>>()?;
        let name = self.command.as_ref().map_or("the image's program".into(), |name| name.to_string_lossy());
        let spec = Spec {
            rootfs: self.rootfs.as_ref().map(rootfs).transpose()?,
            binds: &binds,
            files: &files,
            tmpfs: &tmpfs,
            workdir: self.workdir.as_deref().map(utf8).transpose()?,
            limits: self.limits(),
            program: Some(self.program()),
            ..self.plain(&name, here)
        };
        let mut evidence = Evidence::default();
        match runner::attempt(&spec, None, &mut evidence) {
            End::Ran(outcome) => Ok(conclude(&spec, outcome, evidence)),
            End::NotRun(error) => Err(error.into()),
            End::Unsupported(lack) => Err(lack.into()),
        }
    }

    fn plain<'a>(&'a self, name: &'a str, here: &'a str) -> Spec<'a> {
        Spec {
            namespaces: self.namespaces,
            body_is_pid1: self.program_is_pid1,
            hostname: self.hostname.as_deref(),
            uid: self.uid,
            gid: self.gid,
            id_mapping: self.id_mapping,
            upper: self.upper.unwrap_or_default(),
            changes: self.changes,
            readonly: self.readonly,
            clear_env: self.env_clear,
            leaks: self.leaks,
            ..Spec::new(name, here)
        }
    }

    fn program(&self) -> Program<'_> {
        Program {
            command: self.command.as_ref(),
            arguments: &self.arguments,
            environment: &self.environment,
            output_max: self.output_max,
        }
    }

    fn limits(&self) -> Limits<'_> {
        Limits {
            cpu_max_millis: self.cpu_max.and_then(check::millis),
            cpuset_cpus: self.cpuset.as_deref(),
            rlimits: &self.rlimits,
            ..self.limits
        }
    }
}

fn conclude(spec: &Spec<'_>, outcome: Outcome, evidence: Evidence) -> Run {
    let text = render::program(spec, &outcome, &evidence);
    let Evidence { usage, output, leftovers, changes, .. } = evidence;
    Run { outcome, usage, stdout: output.stdout, stderr: output.stderr, leftovers, changes, text }
}

/// `check` has looked at those that were given.
fn utf8(path: &Path) -> Result<&str, SetupError> {
    let text = path.to_str();
    text.ok_or_else(|| SetupError::new(Step::Workdir, Object::from(path), nix::errno::Errno::EILSEQ))
}

fn rootfs(source: &Source) -> Result<Rootfs<'_>, SetupError> {
    match source {
        Source::Host => Ok(Rootfs::Host),
        Source::Path(path) => utf8(path).map(Rootfs::Source),
    }
}

fn bind(bound: &super::Bound) -> Result<Bind<'_>, SetupError> {
    let super::Bound { source, target, readonly } = bound;
    Ok(Bind { source: utf8(source)?, target: utf8(target)?, readonly: *readonly })
}

fn file((target, content): &(std::path::PathBuf, String)) -> Result<InlineFile<'_>, SetupError> {
    Ok(InlineFile { target: utf8(target)?, content })
}

fn tmpfs((target, size): &(std::path::PathBuf, Option<crate::spec::Size>)) -> Result<Tmpfs<'_>, SetupError> {
    Ok(Tmpfs { target: utf8(target)?, size: *size })
}

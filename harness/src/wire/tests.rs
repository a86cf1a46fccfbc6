//! Every frame survives the way; nothing else is a frame.

use std::time::Duration;

use nix::errno::Errno;

use super::codec::{Malformed, Wire};
use super::*;
use crate::guest::Assignment;
use crate::plan::GuestPlan;
use crate::rootfs::{BindMount, Mark, NewFile, Root, Seen, TmpfsMount, Tree, Upper};
use crate::spec::{Resource, Rlimit};

fn process() -> Process {
    Process { pid: 7, comm: "sl eep".into(), cmdline: "sleep 100".into() }
}

fn controls() -> Vec<Control> {
    let rusage = Rusage { user: Duration::from_micros(3), maxrss: 1 << 40, ..Rusage::default() };
    let objects = [
        Object::None,
        Object::Name("lo".into()),
        Object::Path("/a".into()),
        Object::Mount { source: "/a".into(), target: "/b".into() },
        Object::Write { path: "/c".into(), value: "1".into() },
    ];
    let causes = [
        Cause::Errno(Errno::ENOSPC),
        Cause::ReadBack { found: "4096".into() },
        Cause::Malformed { found: "?".into() },
    ];
    let statuses = [
        WaitStatus::Exited(3),
        WaitStatus::Signaled { signal: 64, core: true },
        WaitStatus::Stopped { signal: 19 },
    ];
    let errors = Step::ALL.iter().zip(objects.iter().cycle()).zip(causes.iter().cycle()).map(
        |((step, object), cause)| {
            let (object, cause) = (object.clone(), cause.clone());
            Control::SetupFailed(SetupError { step: *step, object, cause })
        },
    );
    let ends = statuses.into_iter().map(|status| Control::BodyEnded { status, rusage });
    let left = Control::Leftovers(vec![process(), process()]);
    let rest = [Control::Cloned, Control::Ready, left, Control::Upper(seen())];
    rest.into_iter().chain(errors).chain(ends).collect()
}

fn reports() -> Vec<Report> {
    let panic = Panic { message: Some("ä".into()), location: None, backtrace: Some(String::new()) };
    vec![
        Report::Started { pid: 2 },
        Report::Returned(0),
        Report::Returned(-1),
        Report::Panicked(panic),
        Report::Escaped { pid: 9 },
        Report::Panicking,
        Report::PanicPrinted,
        Report::Leftovers(vec![process()]),
        Report::Upper(seen()),
        Report::SetupFailed(SetupError::new(Step::Rlimit, "nofile", Errno::EPERM)),
    ]
}

fn seen() -> Seen {
    Seen { target: "/".into(), ours: vec![Mark { path: "dev".into(), inode: 7, changed: 8 }] }
}

fn assignment() -> Assignment {
    let bind = BindMount { source: "/s".into(), target: "/t".into(), readonly: true };
    let tmpfs = TmpfsMount { target: "/tmp".into(), size: Some(1 << 20) };
    let tree = Tree {
        root: Root::Layers(vec!["/l".into(), "/r".into()]),
        proc: true,
        userxattr: false,
        readonly: true,
        visible: vec![bind.clone()],
        binds: vec![bind],
        tmpfs: vec![tmpfs],
        upper: Upper::Disk("/u".into()),
        files: vec![NewFile { target: "/f".into(), content: "c".into() }],
        changes: true,
    };
    let plan = GuestPlan {
        name: "a::b".into(),
        tree: Some(tree),
        rlimits: vec![Rlimit { resource: Resource::Nofile, value: None }],
        environment: vec![("K".into(), "V".into())],
        workdir: Some("/".into()),
        ..GuestPlan::default()
    };
    Assignment { token: 1, body: 2, plan }
}

fn survives<T: Wire + std::fmt::Debug>(value: &T) {
    let message = encode(value);
    let back: T = decode(&message).unwrap();
    assert_eq!(encode(&back), message, "{value:?}");
    for length in 0..message.len() {
        assert!(decode::<T>(&message[..length]).is_err(), "{value:?} cut at {length}");
    }
    let longer = [message.as_slice(), b"x"].concat();
    assert!(decode::<T>(&longer).is_err(), "{value:?} with a byte behind it");
    let other_version = [&[VERSION + 1], &message[1..]].concat();
    assert!(decode::<T>(&other_version).is_err(), "{value:?} of another version");
}

#[test]
fn every_frame_survives_and_no_part_of_one_is_a_frame() {
    controls().iter().for_each(survives);
    reports().iter().for_each(survives);
    survives(&assignment());
    survives(&Order::Stop);
    survives(&Order::Enter { v2: true, leaf: "harness.1".to_owned() });
    let maps = IdMaps { uid_map: "0 0 1".into(), gid_map: "0 0 1".into(), deny_setgroups: true };
    survives(&Request { flags: u64::MAX, id_maps: Some(maps) });
}

#[test]
fn a_report_counts_only_with_the_token_of_its_run() {
    for report in reports() {
        let message = encode_report(42, report.clone());
        assert_eq!(decode_report(42, &message), Ok(report.clone()));
        assert_eq!(decode_report(43, &message), Err(Malformed));
        assert_eq!(decode_report(42, &encode(&report)), Err(Malformed), "without a token");
    }
}

/// xorshift64: the same bytes in every run.
struct Bytes(u64);

impl Bytes {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }
}

/// Whatever comes in, decoding ends without a panic and what it accepts is what was sent.
#[test]
fn damaged_frames_are_refused_or_read_as_what_they_now_say() {
    let mut random = Bytes(0x9e37_79b9_7f4a_7c15);
    let mut seeds: Vec<Vec<u8>> = controls().iter().map(encode).collect();
    seeds.extend(reports().into_iter().map(|report| encode_report(42, report)));
    seeds.push(encode(&assignment()));
    for round in 0..100_000 {
        let mut message = seeds[round % seeds.len()].clone();
        for _ in 0..=random.below(4) {
            let (at, byte) = (random.below(message.len()), random.next().to_le_bytes()[0]);
            if let Some(place) = message.get_mut(at) {
                *place = byte;
            }
        }
        message.truncate(message.len() - random.below(3));
        if let Ok(frame) = decode::<Control>(&message) {
            assert_eq!(decode::<Control>(&encode(&frame)), Ok(frame));
        }
        drop(decode_report(42, &message));
        drop(decode::<Assignment>(&message));
    }
}

#[test]
fn a_length_larger_than_the_message_allocates_nothing() {
    let mut message = encode(&Control::Leftovers(Vec::new()));
    let end = message.len();
    message[end - 4..].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(decode::<Control>(&message), Err(Malformed));
}

#[test]
fn a_long_text_is_cut_at_a_character() {
    let text = clip("ä".repeat(MAX_TEXT));
    assert!(text.len() < MAX_TEXT + 64 && text.ends_with("longer]"), "{}", text.len());
    assert_eq!(clip("short".into()), "short");
}

#[test]
fn the_longest_frame_fits() {
    let text = || Some(clip("x".repeat(1 << 20)));
    let panic = Panic { message: text(), location: text(), backtrace: None };
    assert!(encode_report(1, Report::Panicked(panic)).len() < MAX_FRAME);
}

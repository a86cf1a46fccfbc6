//! What an image says, and what was said by name.

use std::ffi::{OsStr, OsString};

use super::*;
use crate::spec::Program;

fn image() -> FromImage {
    let pair = |(name, value): (&str, &str)| (name.into(), value.into());
    FromImage {
        environment: [("LANG", "C"), ("B", "of the image"), ("RUST_BACKTRACE", "0")].map(pair).to_vec(),
        workdir: Some("/srv".into()),
        uid: Some(33),
        gid: Some(34),
        groups: vec![4, 5],
        home: Some("/var/www".into()),
        entrypoint: vec!["/entry".into(), "-e".into()],
        command: vec!["serve".into()],
    }
}

fn with_path() -> FromImage {
    let mut image = image();
    image.environment.push(("PATH".into(), "/opt/bin".into()));
    image
}

fn program<'a>(command: Option<&'a OsString>, arguments: &'a [OsString]) -> Spec<'a> {
    let program = Program { command, arguments, environment: &[], output_max: Size::mib(1) };
    Spec { program: Some(program), ..spec() }
}

fn guest(spec: &Spec<'_>, image: Option<&FromImage>) -> GuestPlan {
    let mut caller = caller();
    caller.environment.push(("RUST_BACKTRACE".into(), "1".into()));
    resolve(spec, &host(true), &caller, image).unwrap().guest
}

fn pairs(guest: &GuestPlan) -> Vec<String> {
    guest.environment.iter().map(|(k, v)| format!("{}={}", k.display(), v.display())).collect()
}

#[test]
fn a_command_replaces_the_entrypoint_and_arguments_the_command() {
    let (sh, arguments) = (OsString::from("sh"), [OsString::from("-c")]);
    let image = image();
    let without = FromImage { entrypoint: Vec::new(), ..image.clone() };
    type Case<'a> = (Option<&'a OsString>, &'a [OsString], Option<&'a FromImage>, &'a [&'a str]);
    let cases: [Case<'_>; 9] = [
        (Some(&sh), &arguments, None, &["sh", "-c"]),
        (Some(&sh), &[], None, &["sh"]),
        (Some(&sh), &arguments, Some(&image), &["sh", "-c"]),
        (Some(&sh), &[], Some(&image), &["sh"]),
        (None, &[], Some(&image), &["/entry", "-e", "serve"]),
        (None, &arguments, Some(&image), &["/entry", "-e", "-c"]),
        (None, &[], Some(&without), &["serve"]),
        // As `docker run IMAGE ARGUMENTS`: the first is then the program.
        (None, &arguments, Some(&without), &["-c"]),
        (None, &[], None, &[]),
    ];
    for (command, arguments, image, expected) in cases {
        let argv = guest(&program(command, arguments), image).program;
        let expected =
            (!expected.is_empty()).then(|| expected.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(argv, expected, "{command:?} {arguments:?} {image:?}");
    }
    assert_eq!(guest(&spec(), Some(&image)).program, None, "a test function is itself");
}

#[test]
fn a_program_has_the_environment_of_its_image() {
    let sh = OsString::from("sh");
    let program = program(Some(&sh), &[]);
    assert_eq!(pairs(&guest(&program, None)), ["A=1", "B=2", "RUST_BACKTRACE=1"]);
    let default = format!("PATH={DEFAULT_PATH}");
    let of_image = [&*default, "HOME=/var/www", "LANG=C", "B=of the image", "RUST_BACKTRACE=0"];
    assert_eq!(pairs(&guest(&program, Some(&image()))), of_image);
    assert!(pairs(&guest(&program, Some(&with_path()))).contains(&"PATH=/opt/bin".to_owned()));
    assert!(!pairs(&guest(&program, Some(&with_path()))).contains(&default));
}

#[test]
fn what_is_set_by_name_wins_and_is_all_after_a_clearing() {
    let set: [(OsString, OsString); 2] = [("B".into(), "named".into()), ("B".into(), "twice".into())];
    let sh = OsString::from("sh");
    let program = Program { command: Some(&sh), arguments: &[], environment: &set, output_max: Size::mib(1) };
    let named = Spec { program: Some(program), ..spec() };
    for image in [None, Some(&image())] {
        let variables = pairs(&guest(&named, image));
        assert!(variables.contains(&"B=twice".to_owned()), "{variables:?}");
        assert_eq!(variables.iter().filter(|variable| variable.starts_with("B=")).count(), 1);
        assert_eq!(pairs(&guest(&named.clear_env(), image)), ["B=twice"]);
    }
}

/// The image's over the runner's, but for what cargo and the runner say to a test.
#[test]
fn a_test_function_keeps_what_is_said_to_it() {
    let variables = pairs(&guest(&spec(), Some(&with_path())));
    assert_eq!(
        variables,
        ["A=1", "RUST_BACKTRACE=1", "HOME=/var/www", "LANG=C", "B=of the image", "PATH=/opt/bin"]
    );
    let mut quiet = caller();
    quiet.environment.clear();
    let alone = resolve(&spec(), &host(true), &quiet, Some(&image())).unwrap().guest;
    assert!(pairs(&alone).contains(&"RUST_BACKTRACE=0".to_owned()), "nobody said otherwise");
}

#[test]
fn user_and_directory_are_the_images_unless_asked_for() {
    let seen = |spec: &Spec<'_>, image: Option<&FromImage>| {
        let guest = guest(spec, image);
        (guest.uid, guest.gid, guest.workdir.unwrap())
    };
    let of_image = (Some(33), Some(34), PathBuf::from("/srv"));
    assert_eq!(seen(&spec(), Some(&image())), of_image);
    assert_eq!(seen(&program(None, &[]), Some(&image())), of_image);
    assert_eq!(seen(&spec().uid(7), Some(&image())), (Some(7), None, "/srv".into()));
    assert_eq!(seen(&spec().workdir("/w"), Some(&image())).2, PathBuf::from("/w"));
    assert_eq!(guest(&spec(), Some(&image())).groups, [4, 5]);
    let other = guest(&spec().uid(7), Some(&image()));
    assert!(other.groups.is_empty() && !pairs(&other).contains(&"HOME=/var/www".to_owned()));
    let plain = FromImage::default();
    assert_eq!(seen(&spec(), Some(&plain)), seen(&spec(), None));
    let foreign = spec().rootfs(Rootfs::Source("/r"));
    assert_eq!(seen(&foreign, Some(&plain)).2, PathBuf::from("/"));
    assert_eq!(seen(&foreign, Some(&image())).2, PathBuf::from("/srv"));
}

/// Without privilege the image's user needs a user namespace, as one that was asked for.
#[test]
fn an_images_user_is_mapped_without_privilege() {
    let plan = resolve(&spec(), &host(false), &caller(), Some(&image())).unwrap();
    assert_eq!(flag_names(plan.flags), "user");
    assert_eq!(plan.id_maps.unwrap().uid_map, "33 1000 1\n");
}

#[test]
fn a_program_finds_nothing_of_ours_in_its_root() {
    let sh = OsString::from("sh");
    let foreign = program(Some(&sh), &[]).rootfs(Rootfs::Source("/r"));
    assert_eq!(guest(&foreign, None).tree.unwrap().visible, []);
    let own = Spec { program: None, ..foreign };
    assert!(!guest(&own, None).tree.unwrap().visible.is_empty());
    let name: &OsStr = "sh".as_ref();
    assert_eq!(guest(&foreign, None).program.unwrap(), [name]);
}

//! `map = root | identity`, as root and as nobody.

use harness_tests::machine::Need;
use harness_tests::needs;
use harness_tests::twin::Twin;
use harness_tests::users::Everybodys;

#[test]
fn without_privilege_one_is_root_or_oneself() {
    needs!(Need::Root, Need::NAMESPACES);
    let names = ["nobody_stays_nobody", "nobody_is_root", "nobody_is_root_by_default"];
    let names = names.map(|name| format!("mapping::{name}"));
    Everybodys::new().as_nobody("", &names.each_ref().map(String::as_str)).run().must_pass();
}

#[test]
fn the_checks_tell_them_apart() {
    needs!(Need::Root, Need::NAMESPACES);
    let names =
        ["mapping::must_fail::is_nobody_with_a_root_map", "mapping::must_fail::is_root_with_an_identity_map"];
    let ran = Everybodys::new().as_nobody("", &names).run();
    for name in names {
        assert_eq!(ran.outcome(name), "panicked", "{}", ran.output());
    }
}

#[test]
fn root_is_root_in_a_user_namespace_too() {
    needs!(Need::Root, Need::NAMESPACES);
    Twin::tests(&["mapping::root_stays_root"]).run().must_pass();
}

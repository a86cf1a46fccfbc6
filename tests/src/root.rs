//! Guests in the root filesystems of `fixtures/make.sh`: paths that are known only when the tests run.

use std::path::Path;

use harness::__private::{Bind, Namespaces, Rootfs, Spec};

use crate::fixture;

/// What `#[isolated(pid, uts, ipc, net, rootfs = "...")]` asks for, with this fixture.
pub fn spec(test: &'static str, fixture_name: &str) -> Spec<'static> {
    spec_at(test, &fixture(fixture_name)).unshare(Namespaces::NET)
}

/// What `#[isolated(pid, uts, ipc, rootfs = "...")]` asks for, with this directory.
pub fn spec_at(test: &'static str, directory: &Path) -> Spec<'static> {
    let namespaces = Namespaces::PID.with(Namespaces::UTS).with(Namespaces::IPC);
    Spec::new(test, "/").unshare(namespaces).rootfs(Rootfs::Source(keep(directory)))
}

/// A writable bind of the whole directory.
pub fn bound_at(test: &'static str, directory: &Path, target: &'static str) -> Spec<'static> {
    let bind = Bind { source: keep(directory), target, readonly: false };
    Spec::new(test, "/").unshare(Namespaces::PID).binds(Box::leak(Box::new([bind])))
}

/// Runs the test function in a guest; panics with the reason when it does not pass.
#[track_caller]
pub fn run(spec: Spec<'static>, body: fn() -> i32) {
    harness::__private::run(Box::leak(Box::new(spec)), body);
}

/// A Spec is made of what is there for ever, as an attribute's words are.
fn keep(path: &Path) -> &'static str {
    Box::leak(path.to_str().expect("cargo's directories have names in UTF-8").to_owned().into_boxed_str())
}

/// One test for each of these fixtures: `NAME::FIXTURE`.
///
/// ```ignore
/// in_each_of!([busybox, empty]; fn threads_work() { ... });
/// ```
#[macro_export]
macro_rules! in_each_of {
    ($roots:tt; $(#[$about:meta])* fn $name:ident() $body:block) => {
        $(#[$about])*
        fn $name() -> i32 {
            (|| -> () { $body })();
            0
        }

        mod $name {
            $crate::in_each_of!(@tests $roots $name);
        }
    };
    (@tests [$($root:ident),+] $name:ident) => {
        $(
            #[test]
            fn $root() {
                use $crate::machine::Need;
                $crate::needs!(Need::NAMESPACES, Need::Fixture(stringify!($root)));
                let test = concat!(module_path!(), "::", stringify!($root));
                $crate::root::run($crate::root::spec(test, stringify!($root)), super::$name);
            }
        )+
    };
}

//! Arguments that are right by themselves and wrong together, or wrong on this function.

use crate::args::{Args, Expect};
use crate::errors::{Errors, at};
use crate::test_fn::TestFn;

pub(crate) fn check(args: &Args, test: &TestFn, errors: &mut Errors) {
    contradictions(args, errors);
    if test.has_attribute("should_panic") {
        against_should_panic(args, errors);
    }
}

fn contradictions(args: &Args, errors: &mut Errors) {
    let mut need = |key: &str, fulfilled: bool, message: &str| {
        if let (Some(key), false) = (args.key(key), fulfilled) {
            errors.push(at(key, message));
        }
    };
    need(
        "pid1",
        args.key("pid").is_none(),
        "`pid` and `pid1` contradict each other: with `pid` the body is pid 2 below an init, with `pid1` it is \
         pid 1 itself; keep one",
    );
    need(
        "swap",
        args.key("mem").is_some(),
        "`swap` is on top of a memory limit; add one, such as `mem = \"100M\"`",
    );
    need(
        "expect",
        args.expect != Some(Expect::Oom) || args.key("mem").is_some(),
        "`expect = oom` needs a limit to run into; add one, such as `mem = \"100M\"`",
    );
    need(
        "expect",
        args.expect != Some(Expect::Timeout)
            || args.key("timeout").is_some()
            || args.key("cpu_time").is_some(),
        "`expect = timeout` needs a limit to run into; add `timeout = \"5s\"` or `cpu_time = \"2s\"`",
    );
}

/// With `#[should_panic]`, libtest takes any unwinding for the panic that was wished for, and anything else
/// for a failure.
fn against_should_panic(args: &Args, errors: &mut Errors) {
    if let Some(key) = args.key("expect") {
        errors.push(at(key, "`expect` and #[should_panic] ask for two different endings; keep one"));
    }
    if let (Some(key), true) =
        (args.key("unsupported"), args.unsupported.as_ref().is_some_and(|policy| policy == "skip"))
    {
        errors.push(at(
            key,
            "`unsupported = skip` cannot work with #[should_panic]: a skipped test does not panic, and libtest \
             would call that a failure",
        ));
    }
}

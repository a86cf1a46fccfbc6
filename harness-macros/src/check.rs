//! Arguments that are right by themselves and wrong together, or wrong on this function.

use crate::args::{Args, Expect, Rootfs};
use crate::errors::{Errors, at};
use crate::test_fn::TestFn;
use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;

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
        "map",
        args.uid.is_none() && args.gid.is_none(),
        "`map` and `uid` or `gid` both say who the body is: without root, `uid = 7` maps your own id to 7; keep one",
    );
    need(
        "swap",
        args.key("mem").is_some(),
        "`swap` needs `mem`, the memory limit that it comes on top of; add one, such as `mem = \"100M\"`",
    );
    need(
        "upper",
        args.rootfs.is_some(),
        "`upper` needs `rootfs`, the root that it is for; add it: `rootfs` is a view of the host's",
    );
    need(
        "changes",
        args.rootfs.is_some(),
        "`changes` needs `rootfs`: without it, what the test writes is written to the host",
    );
    let is_copy = args.upper.as_ref().is_some_and(|upper| upper == "copy");
    need(
        "upper",
        !is_copy || !matches!(args.rootfs, Some(Rootfs::Host)),
        "`upper = \"copy\"` would copy the whole host; give `rootfs` a directory, an archive or an image",
    );
    need(
        "changes",
        !is_copy || !args.changes,
        "`changes` are read from an upperdir, and with `upper = \"copy\"` there is none; keep one",
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

/// When it is our turn, the function must be one that can be called through a `fn()`.
pub(crate) fn callable(test: &TestFn) -> syn::Result<()> {
    let sig = &test.sig;
    let mut errors = Errors::default();
    let mut refuse = |tokens: Option<&dyn ToTokens>, message: &str| {
        if let Some(tokens) = tokens {
            errors.push(at(tokens, message));
        }
    };
    let arguments = sig.receiver().is_none() && !sig.inputs.is_empty();
    let generics = !sig.generics.params.is_empty();
    refuse(some(&sig.asyncness), "an async test needs an async test attribute, such as #[tokio::test]");
    refuse(some(&sig.receiver()), "a test has no `self`; write it as a free function");
    refuse(
        arguments.then_some(&sig.inputs as &dyn ToTokens),
        "a test has no arguments, unless an attribute gives them, such as #[rstest] or #[test_case(..)]",
    );
    refuse(
        generics.then_some(&sig.generics as &dyn ToTokens),
        "an isolated test is a plain `fn`, without generics",
    );
    refuse(some(&sig.constness), "an isolated test is a plain `fn`, not a `const fn`");
    refuse(some(&sig.unsafety), "an isolated test is a plain `fn`, not an `unsafe fn`");
    refuse(some(&sig.abi), "an isolated test is a plain `fn`, without `extern`");
    if takes_lock(&test.body.stream()) {
        errors.push(syn::Error::new(
            Span::call_site(),
            "#[serial] and #[parallel] above #[isolated] would take their lock in the guest, where it excludes \
             nobody; write them below #[isolated]",
        ));
    }
    errors.into_result()
}

fn some<T: ToTokens>(tokens: &Option<T>) -> Option<&dyn ToTokens> {
    tokens.as_ref().map(|tokens| tokens as &dyn ToTokens)
}

/// Whether serial_test has wrapped the body: `serial_test::local_serial_core(..)`. Its file locks work in a
/// guest, too.
fn takes_lock(body: &TokenStream) -> bool {
    let mut after_crate = false;
    body.clone().into_iter().any(|tree| match tree {
        TokenTree::Group(group) => takes_lock(&group.stream()),
        TokenTree::Ident(ident) => {
            let found = after_crate && ident.to_string().starts_with("local_");
            after_crate = ident == "serial_test";
            found
        }
        _ => false,
    })
}

//! Living with other test attributes.
//!
//! rustc expands attributes from top to bottom, so what we are given depends on the order in which they
//! were written. Two moves make every order work:
//!
//! 1. *Defer*. Attributes behind us that may transform the function (`#[rstest]`, `#[tokio::test]`, ...) go
//!    first: we put ourselves last, with a marker of what we saw, and wait for our next turn. In the end we
//!    always see a synchronous function without arguments.
//! 2. *Register once*. `#[test]` is ours to emit only when no test attribute is or was there. One that stood
//!    in front of us leaves no trace in the tokens, so `peek` reads the source; one that we defer past is
//!    carried in the marker. The source may mislead us: a function that we leave to others and nobody registers
//!    is an error, as a test that never runs passes for ever.

use crate::args::Args;
use crate::attribute::{self, FRAGMENT, Seen};
use crate::check;
use crate::marker::Marker;
use crate::peek;
use crate::test_fn::TestFn;
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote};
use syn::{Attribute, parse_quote};

/// Whose turn it is.
pub(crate) enum Turn {
    /// That of an attribute behind us; the marker comes back to us later.
    Later(Marker),
    /// Ours.
    Now(Registration),
}

/// How the function becomes a test.
pub(crate) struct Registration {
    /// In front of the function's attributes: `#[test]`, unless it is somebody else's to emit.
    pub(crate) test_attribute: TokenStream,
    /// Behind them: makes it an error that nobody did.
    pub(crate) proof: TokenStream,
}

/// Decides whose turn it is.
pub(crate) fn turn(args: &Args, test: &TestFn) -> syn::Result<Turn> {
    let mut marker = match args.marker.clone() {
        Some(tokens) => Marker::read(tokens)?,
        None => at_first_sight(args, test)?,
    };
    if marker.note(&test.attrs) {
        return Ok(Turn::Later(marker));
    }
    let test_attribute = marker.test_attribute();
    check::callable(test)?;
    let ignore = args.marker.is_none().then(|| ignore_elsewhere(test)).flatten();
    let proof = marker.is_tested().then_some(PROOF).map(|proof| proof.parse::<TokenStream>()).transpose()?;
    Ok(Turn::Now(Registration { test_attribute: quote!(#ignore #test_attribute), proof: quote!(#proof) }))
}

/// What registers a function uses it. Outside of a test build there is nothing to be missed.
const PROOF: &str = "#[cfg_attr(test, deny(dead_code, reason = \"a test attribute in front of #[isolated] should have \
                     made this function a test, and none has: it would never run; write #[test] right above \
                     #[isolated]\"))]";

/// The function again, with ourselves behind everything that goes first.
pub(crate) fn defer(mut test: TestFn, krate: &TokenStream, args: &Args, marker: &Marker) -> TokenStream {
    let ignore = args.marker.is_none().then(|| ignore_elsewhere(&test)).flatten();
    // What must stay outside of the guest comes behind us, so that it wraps what we make.
    let (outside, first): (Vec<_>, Vec<_>) = test.attrs.into_iter().partition(attribute::stays_outside);
    let user = &args.user;
    let ourselves = parse_quote!(#[#krate::isolated(#user #marker)]);
    test.attrs = ignore.into_iter().chain(first).chain([ourselves]).chain(outside).collect();
    test.into_token_stream()
}

/// Not on Linux: compiles, and is ignored with a reason. rstest gives an attribute in front of `#[case]` to
/// that case alone, so there it is left to the runner to say so.
fn ignore_elsewhere(test: &TestFn) -> Option<Attribute> {
    let has = |name| test.attrs.iter().any(|attr| attribute::ends_with(attr.path(), name));
    (!has("ignore") && !has("case"))
        .then(|| parse_quote!(#[cfg_attr(not(target_os = "linux"), ignore = "isolated tests need Linux")]))
}

/// The first expansion is the only one whose span is in the user's source: what stands around us is looked
/// up here.
fn at_first_sight(args: &Args, test: &TestFn) -> syn::Result<Marker> {
    let call_site = Span::call_site();
    let before = Seen::read(&peek::before(call_site));
    let ours = |seen: &Seen| seen.is_isolated(&args.user);
    let after = Seen::read(&peek::after(call_site));
    let name = |wanted: &'static str| move |seen: &Seen| seen.name == wanted;
    if before.iter().any(name("rstest")) && after.iter().any(name("case")) {
        return Err(syn::Error::new(
            call_site,
            "#[rstest] gives an attribute in front of a #[case] to that case alone, and the others would not be \
             isolated; write #[isolated] below the last #[case] or above #[rstest]",
        ));
    }
    let through_macro = before.iter().any(name(FRAGMENT));
    let mut marker = Marker::default();
    marker.note_registering(before);
    // In a macro's output, such as that of `proptest!`, our span is in the macro's source, and only the name
    // of the function is in the user's. The row there counts when we stand in it or the macro passes it on:
    // else the macro may have taken the attributes away.
    let above = Seen::read(&peek::above(test.sig.ident.span()));
    if through_macro || above.iter().any(ours) {
        // Not ourselves, imported `as test`.
        marker.note_registering(above.into_iter().filter(|seen| !ours(seen)));
    }
    Ok(marker)
}

//! From the attribute to the test that libtest calls: a `const` Spec, and a call of the runner with the
//! body as a plain `fn` pointer.

use crate::args::Args;
use crate::check::check;
use crate::errors::Errors;
use crate::order::{self, Registration, Turn};
use crate::spec::spec;
use crate::test_fn::{TestFn, braced};
use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::{ReturnType, Type};

/// The whole expansion.
pub(crate) fn isolated(tokens: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let args = Args::read(tokens, &mut errors);
    let Some(test) = errors.keep(TestFn::read(item.clone())) else {
        return fallback(errors, item);
    };
    check(&args, &test, &mut errors);
    let krate = errors.keep(crate_path());
    let turn = errors.keep(order::turn(&args, &test));
    match (turn, krate) {
        (Some(turn), Some(krate)) if errors.is_empty() => match turn {
            Turn::Later(marker) => order::defer(test, &krate, &args, &marker),
            Turn::Now(registration) => expand(&args, &test, &krate, &registration),
        },
        _ => fallback(errors, not_a_test(test)),
    }
}

/// The errors, and the item, so that what refers to it does not fail as well.
fn fallback(errors: Errors, item: TokenStream) -> TokenStream {
    let errors = errors.into_compile_errors();
    quote!(#errors #item)
}

/// The function as it was, for those that refer to it; `#[test]` would complain about its arguments as well,
/// and without it nobody may use it.
fn not_a_test(mut test: TestFn) -> TokenStream {
    test.attrs.retain(|attr| !attr.path().is_ident("test"));
    quote!(#[allow(unused)] #test)
}

/// The path of the library in the user's crate. proc-macro-crate answers with the package's name where the
/// dependency is not renamed, but our library has a name of its own.
fn crate_path() -> syn::Result<TokenStream> {
    let name = match crate_name("isolated-harness") {
        Ok(FoundCrate::Name(name)) if name != "isolated_harness" => name,
        Ok(_) => "harness".to_owned(),
        Err(_) => {
            return Err(syn::Error::new(
                Span::call_site(),
                "#[isolated] needs `isolated-harness` among the dependencies of this crate's Cargo.toml",
            ));
        }
    };
    let name = format_ident!("{name}");
    Ok(quote!(::#name))
}

fn expand(args: &Args, test: &TestFn, krate: &TokenStream, registration: &Registration) -> TokenStream {
    let TestFn { attrs, vis, sig, .. } = test;
    let Registration { test_attribute, proof } = registration;
    let name = &sig.ident;
    let private = quote!(#krate::__private);
    let spec = spec(args, test, &private);
    let body = body(test, &private);
    // All of the call has the span of the name, so that `#[track_caller]` reports the test's own line.
    let runner = private.clone().into_iter().map(|mut token| {
        token.set_span(name.span());
        token
    });
    // In a block of its own, the Spec's name hides none of the user's from the body.
    let spec = quote!({ const __SPEC: #private::Spec<'static> = #spec; &__SPEC });
    let run = quote_spanned!(name.span()=> #(#runner)*::run(#spec, || #body););
    // With a `fn` or braces of ours all of the function would be a macro's, about which rustc says nothing: not that
    // nobody uses it.
    let (fn_token, run) = (sig.fn_token, braced(run, test.body.span()));
    quote! {
        #test_attribute #(#attrs)* #proof
        #vis #fn_token #name() #run
    }
}

/// The body as an expression of its exit code. A closure, because names made from `type_name` (insta's
/// snapshots) then stay those of the test; `-> impl Trait` is only allowed on a `fn`.
fn body(test: &TestFn, private: &TokenStream) -> TokenStream {
    let (name, body, output) = (&test.sig.ident, &test.body, &test.sig.output);
    let has_impl = output.to_token_stream().into_iter().any(|tree| tree.to_string() == "impl");
    match output {
        ReturnType::Default => quote!(#private::report((|| -> () #body)())),
        ReturnType::Type(_, returned) if matches!(**returned, Type::Never(_)) => quote!((|| #output #body)()),
        _ if has_impl => quote!({ fn #name() #output #body #private::report(#name()) }),
        _ => quote!(#private::report((|| #output #body)())),
    }
}

//! From the attribute to the test that libtest calls: a `const` Spec, and a call of the runner with the
//! body as a plain `fn` pointer.

use crate::args::{Args, Bind, Expect, Rlimit, Rootfs, Tmpfs};
use crate::check::check;
use crate::errors::Errors;
use crate::order::{self, Turn};
use crate::test_fn::TestFn;
use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use std::time::Duration;
use syn::ReturnType;

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
            Turn::Now(test_attribute) => expand(&args, &test, &krate, &test_attribute),
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

fn expand(args: &Args, test: &TestFn, krate: &TokenStream, test_attribute: &TokenStream) -> TokenStream {
    let TestFn { attrs, vis, sig, .. } = test;
    let name = &sig.ident;
    let private = quote!(#krate::__private);
    let spec = spec(args, test, &private);
    let body = body(test, &private);
    // The call has the span of the name, so that `#[track_caller]` reports the test's own line.
    let run = quote_spanned!(name.span()=> #private::run);
    let call = quote_spanned!(name.span()=> (&SPEC, || #body));
    quote! {
        #test_attribute #(#attrs)*
        #vis fn #name() {
            const SPEC: #private::Spec<'static> = #spec;
            #run #call
        }
    }
}

/// The body as an expression of its exit code. A closure, because names made from `type_name` (insta's
/// snapshots) then stay those of the test; `-> impl Trait` is only allowed on a `fn`.
fn body(test: &TestFn, private: &TokenStream) -> TokenStream {
    let (name, body, output) = (&test.sig.ident, &test.body, &test.sig.output);
    let has_impl = output.to_token_stream().into_iter().any(|tree| tree.to_string() == "impl");
    match output {
        ReturnType::Default => quote!(#private::report((|| -> () #body)())),
        _ if has_impl => quote!({ fn #name() #output #body #private::report(#name()) }),
        _ => quote!(#private::report((|| #output #body)())),
    }
}

/// A `const` expression of the Spec's builder.
fn spec(args: &Args, test: &TestFn, private: &TokenStream) -> TokenStream {
    let name = &test.sig.ident;
    let mut calls: Vec<TokenStream> = Vec::new();
    if test.has_attribute("should_panic") {
        calls.push(quote!(should_panic()));
    }
    calls.extend(identity(args, private));
    calls.extend(filesystem(args, private));
    calls.extend(limits(args, private));
    calls.extend(policy(args, private));
    quote! {
        #private::Spec::new(
            ::core::concat!(::core::module_path!(), "::", ::core::stringify!(#name)),
            ::core::env!("CARGO_MANIFEST_DIR"),
        ) #(.#calls)*
    }
}

fn identity(args: &Args, private: &TokenStream) -> Vec<TokenStream> {
    let mut calls: Vec<_> = args
        .namespaces
        .iter()
        .map(|name| {
            let name = constant(name);
            quote!(unshare(#private::Namespaces::#name))
        })
        .collect();
    calls.extend(args.pid1.then(|| quote!(pid1())));
    calls.extend(args.hostname.iter().map(|name| quote!(hostname(#name))));
    calls.extend(args.uid.map(|uid| quote!(uid(#uid))));
    calls.extend(args.gid.map(|gid| quote!(gid(#gid))));
    calls
}

fn filesystem(args: &Args, private: &TokenStream) -> Vec<TokenStream> {
    let mut calls: Vec<TokenStream> = Vec::new();
    calls.extend(args.rootfs.iter().map(|rootfs| match rootfs {
        Rootfs::Host => quote!(rootfs(#private::Rootfs::Host)),
        Rootfs::Directory(path) => quote!(rootfs(#private::Rootfs::Directory(#path))),
    }));
    calls.extend(args.readonly.then(|| quote!(readonly())));
    calls.extend(list(&args.binds, private, bind).map(|binds| quote!(binds(#binds))));
    calls.extend(list(&args.tmpfs, private, tmpfs).map(|tmpfs| quote!(tmpfs(#tmpfs))));
    calls.extend(args.workdir.iter().map(|path| quote!(workdir(#path))));
    calls.extend(args.clear_env.then(|| quote!(clear_env())));
    calls.extend(
        list(&args.env, private, |(name, value), _| quote!((#name, #value))).map(|env| quote!(env(#env))),
    );
    calls
}

fn bind(bind: &Bind, private: &TokenStream) -> TokenStream {
    let Bind { source, target, readonly } = bind;
    quote!(#private::Bind { source: #source, target: #target, readonly: #readonly })
}

fn tmpfs(tmpfs: &Tmpfs, private: &TokenStream) -> TokenStream {
    let Tmpfs { target, size } = tmpfs;
    let size = option(size.map(|bytes| size_of(bytes, private)));
    quote!(#private::Tmpfs { target: #target, size: #size })
}

fn rlimit(rlimit: &Rlimit, private: &TokenStream) -> TokenStream {
    let Rlimit { resource, value } = rlimit;
    let value = option(value.map(|value| quote!(#value)));
    quote!(#private::Rlimit { resource: #private::Resource::#resource, value: #value })
}

/// Only the fields asked for; nothing at all when there is none.
fn limits(args: &Args, private: &TokenStream) -> Option<TokenStream> {
    let size = |bytes: u64| size_of(bytes, private);
    let fields: Vec<_> = [
        ("memory_max", args.memory_max.map(size)),
        ("swap_max", args.swap_max.map(size)),
        ("pids_max", args.pids_max.map(|count| quote!(#count))),
        ("cpu_max_millis", args.cpu_max_millis.map(|millis| quote!(#millis))),
        ("cpuset_cpus", args.cpuset_cpus.as_ref().map(|list| quote!(#list))),
        ("timeout", args.timeout.map(duration)),
        ("cpu_time", args.cpu_time.map(duration)),
    ]
    .into_iter()
    .filter_map(|(field, value)| {
        let (field, value) = (format_ident!("{field}"), value?);
        Some(quote!(#field: ::core::option::Option::Some(#value),))
    })
    .collect();
    let rlimits = list(&args.rlimits, private, rlimit).map(|rlimits| quote!(rlimits: #rlimits,));
    let any = !fields.is_empty() || rlimits.is_some();
    any.then(|| quote!(limits(#private::Limits { #(#fields)* #rlimits ..#private::Limits::NONE })))
}

fn policy(args: &Args, private: &TokenStream) -> Vec<TokenStream> {
    let mut calls: Vec<TokenStream> = Vec::new();
    calls.extend(args.expect.map(|expect| {
        let ending = match expect {
            Expect::Oom => quote!(Oom),
            Expect::Timeout => quote!(Timeout),
            Expect::Exit(code) => quote!(Exit(#code)),
            Expect::Signal(number) => quote!(Signal(#number)),
        };
        quote!(expect(#private::Expect::#ending))
    }));
    calls.extend(args.leaks.as_ref().map(|word| {
        let policy = variant(word);
        quote!(leaks(#private::Leaks::#policy))
    }));
    calls.extend(args.unsupported.as_ref().map(|word| {
        let policy = variant(word);
        quote!(unsupported(#private::UnsupportedPolicy::#policy))
    }));
    calls
}

fn list<T>(
    items: &[T],
    private: &TokenStream,
    item: impl Fn(&T, &TokenStream) -> TokenStream,
) -> Option<TokenStream> {
    let items: Vec<_> = items.iter().map(|one| item(one, private)).collect();
    (!items.is_empty()).then(|| quote!(&[#(#items),*]))
}

fn option(value: Option<TokenStream>) -> TokenStream {
    value.map_or_else(
        || quote!(::core::option::Option::None),
        |value| quote!(::core::option::Option::Some(#value)),
    )
}

fn size_of(bytes: u64, private: &TokenStream) -> TokenStream {
    quote!(#private::Size::bytes(#bytes))
}

fn duration(duration: Duration) -> TokenStream {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    quote!(::core::time::Duration::new(#seconds, #nanos))
}

/// `net` as `NET`.
fn constant(word: &Ident) -> Ident {
    Ident::new(&word.to_string().to_uppercase(), Span::call_site())
}

/// `warn` as `Warn`.
fn variant(word: &Ident) -> Ident {
    let word = word.to_string();
    let (first, rest) = word.split_at(1);
    format_ident!("{}{rest}", first.to_uppercase())
}

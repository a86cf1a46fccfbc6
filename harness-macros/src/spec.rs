//! What was asked, as a `const` expression of the Spec's builder (`harness/src/spec.rs`).

use crate::args::{Args, Bind, Expect, InlineFile, Rlimit, Rootfs, Tmpfs};
use crate::test_fn::TestFn;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use std::time::Duration;

/// The Spec of this test.
pub(crate) fn spec(args: &Args, test: &TestFn, private: &TokenStream) -> TokenStream {
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
    calls.extend(args.map.as_ref().map(|word| {
        let mapping = variant(word);
        quote!(map(#private::IdMapping::#mapping))
    }));
    calls
}

fn filesystem(args: &Args, private: &TokenStream) -> Vec<TokenStream> {
    let mut calls: Vec<TokenStream> = Vec::new();
    calls.extend(args.rootfs.iter().map(|rootfs| match rootfs {
        Rootfs::Host => quote!(rootfs(#private::Rootfs::Host)),
        Rootfs::Source(source) => quote!(rootfs(#private::Rootfs::Source(#source))),
    }));
    calls.extend(args.upper.as_ref().map(|word| {
        let upper = variant(word);
        quote!(upper(#private::Upper::#upper))
    }));
    calls.extend(args.changes.then(|| quote!(changes())));
    calls.extend(list(&args.files, private, file).map(|files| quote!(files(#files))));
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

fn file(file: &InlineFile, private: &TokenStream) -> TokenStream {
    let InlineFile { target, content } = file;
    quote!(#private::InlineFile { target: #target, content: #content })
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

/// Nothing when there is no limit; else every field.
fn limits(args: &Args, private: &TokenStream) -> Option<TokenStream> {
    let size = |bytes: u64| size_of(bytes, private);
    let fields = [
        ("memory_max", args.memory_max.map(size)),
        ("swap_max", args.swap_max.map(size)),
        ("pids_max", args.pids_max.map(|count| quote!(#count))),
        ("cpu_max_millis", args.cpu_max_millis.map(|millis| quote!(#millis))),
        ("cpuset_cpus", args.cpuset_cpus.as_ref().map(|list| quote!(#list))),
        ("timeout", args.timeout.map(duration)),
        ("cpu_time", args.cpu_time.map(duration)),
    ];
    let any = fields.iter().any(|(_, value)| value.is_some()) || !args.rlimits.is_empty();
    let fields = fields.into_iter().map(|(field, value)| {
        let (field, value) = (format_ident!("{field}"), option(value));
        quote!(#field: #value)
    });
    let rlimits = list(&args.rlimits, private, rlimit).unwrap_or_else(|| quote!(&[]));
    any.then(|| quote!(limits(#private::Limits { #(#fields,)* rlimits: #rlimits })))
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

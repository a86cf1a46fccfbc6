//! `file("PATH" = "CONTENT", ...)`: files whose content stands in the attribute.

use super::key::Key;
use super::value::{Value, shown};
use crate::errors::{Errors, at};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Expr, Token};

#[derive(Debug)]
pub(crate) struct InlineFile {
    pub(crate) target: String,
    /// A string literal, or an expression of type `&'static str` such as `include_str!("hosts")`.
    pub(crate) content: TokenStream,
}

/// Reads the entries behind the files of earlier arguments.
pub(super) fn read(
    key: &'static Key,
    entries: &TokenStream,
    files: &mut Vec<InlineFile>,
    errors: &mut Errors,
) -> syn::Result<()> {
    let parsed = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(entries.clone());
    let parsed = parsed.map_err(|_| at(entries, key.wants()))?;
    for entry in &parsed {
        match file(key, entry, files) {
            Ok(file) => files.push(file),
            Err(error) => errors.push(error),
        }
    }
    Ok(())
}

/// To Rust, `"PATH" = CONTENT` is an assignment.
fn file(key: &'static Key, entry: &Expr, earlier: &[InlineFile]) -> syn::Result<InlineFile> {
    let Expr::Assign(assignment) = entry else {
        let what = format!("`{}` has no content\n{}", shown(entry), key.wants());
        return Err(at(entry, what));
    };
    let path = Value { key, expr: &assignment.left };
    let target = path.absolute_path()?;
    if target.ends_with('/') {
        return Err(path.wrong(format!("`{target}` is no path of a file")));
    }
    if earlier.iter().any(|file| file.target == target) {
        return Err(path.wrong(format!("`{target}` is made twice")));
    }
    Ok(InlineFile { target, content: content(key, &assignment.right)? })
}

fn content(key: &'static Key, expr: &Expr) -> syn::Result<TokenStream> {
    match expr {
        Expr::Lit(literal) if !matches!(literal.lit, syn::Lit::Str(_)) => {
            let what = format!("expected a string, found `{}`", shown(expr));
            Err(Value { key, expr }.wrong(what))
        }
        expr => {
            let tokens = expr.to_token_stream();
            Ok(quote!(#tokens))
        }
    }
}

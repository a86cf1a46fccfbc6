//! One argument as it was written: a word, and what stands behind it.

use crate::errors::at;
use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt as _;
use syn::parse::Parser as _;
use syn::{Expr, Token};

pub(crate) struct Written {
    pub(crate) ident: Ident,
    behind: Behind,
    tokens: TokenStream,
}

enum Behind {
    Nothing,
    /// `= expr`
    Expr(Box<Expr>),
    /// `(entries)`
    List(TokenStream),
    /// `=` and nothing that can be read.
    Broken,
}

impl Written {
    pub(crate) fn is_bare(&self) -> bool {
        matches!(self.behind, Behind::Nothing)
    }

    pub(crate) fn expr(&self) -> Option<&Expr> {
        match &self.behind {
            Behind::Expr(expr) => Some(ungrouped(expr)),
            _ => None,
        }
    }

    /// As in the source, more or less.
    pub(crate) fn shown(&self) -> String {
        self.tokens.to_string().replace(" (", "(").replace(" :", ":")
    }

    pub(crate) fn list(&self) -> Option<&TokenStream> {
        match &self.behind {
            Behind::List(entries) => Some(entries),
            _ => None,
        }
    }

    fn read(tokens: TokenStream) -> syn::Result<Self> {
        let mut rest = tokens.clone().into_iter();
        let first: TokenStream = rest.next().into_iter().collect();
        let ident = Ident::parse_any.parse2(first).map_err(|_| not_a_word(&tokens))?;
        let behind = Behind::read(rest.collect());
        Ok(Self { ident, behind, tokens })
    }
}

impl ToTokens for Written {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.tokens.to_tokens(tokens);
    }
}

impl Behind {
    fn read(tokens: TokenStream) -> Self {
        let mut trees = tokens.clone().into_iter();
        match (trees.next(), trees.next()) {
            (None, _) => Self::Nothing,
            (Some(TokenTree::Group(group)), None) if group.delimiter() == Delimiter::Parenthesis => {
                Self::List(group.stream())
            }
            _ => assigned.parse2(tokens).map_or(Self::Broken, |expr| Self::Expr(Box::new(expr))),
        }
    }
}

fn assigned(input: syn::parse::ParseStream<'_>) -> syn::Result<Expr> {
    input.parse::<Token![=]>()?;
    input.parse()
}

/// The expression itself: one that came through a `macro_rules!` fragment has an invisible group around.
fn ungrouped(expr: &Expr) -> &Expr {
    match expr {
        Expr::Group(group) => ungrouped(&group.expr),
        expr => expr,
    }
}

fn not_a_word(tokens: &TokenStream) -> syn::Error {
    at(tokens, r#"expected a word such as `pid`, or one with a value such as `mem = "100M"`"#)
}

/// The arguments between the commas. Not syn's `Punctuated`: that gives up at the first mistake.
pub(super) fn split(tokens: TokenStream) -> Vec<syn::Result<Written>> {
    let mut arguments = Vec::new();
    let mut current = TokenStream::new();
    for tree in tokens {
        match &tree {
            TokenTree::Punct(comma) if comma.as_char() == ',' => {
                let argument = std::mem::take(&mut current);
                arguments.push(if argument.is_empty() {
                    Err(at(&tree, "expected an argument in front of this comma"))
                } else {
                    Written::read(argument)
                });
            }
            _ => current.extend([tree]),
        }
    }
    if !current.is_empty() {
        arguments.push(Written::read(current));
    }
    arguments
}

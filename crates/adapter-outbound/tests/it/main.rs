//! Calls to the outside, against servers that lead elsewhere and resolvers that lie.

mod inside;
mod limits;
mod redirects;
mod support;
mod tls;

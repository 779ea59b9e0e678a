//! An OpenID Connect provider behind [`pts_ports::IdentityProvider`]: discovery, the authorization
//! code flow with PKCE for browsers, the device flow for command lines.
//!
//! Start reading at `provider.rs`. Who somebody is, is believed from the ID token alone, whose checks
//! are `openidconnect`'s (`statement.rs` says which are asked for); everything that goes over the
//! network goes through `http.rs`, which bounds it in time and size and speaks no plain HTTP but to
//! this machine.
//!
//! **Architecture invariant:** the only crate that names the protocol's library. No type of it is in
//! a public signature.

mod discovery;
mod grant;
mod http;
mod provider;
mod settings;
mod statement;

pub use provider::OidcProvider;
pub use settings::{OidcSettings, SettingsError};

//! The client against the real server, and against servers that misbehave.

mod actions;
mod download;
mod emitter;
mod faults;
mod scripted;
mod sign_in;
mod stream;
mod support;
mod tls;

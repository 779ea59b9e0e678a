//! The domain's rules from outside: the lives of aggregates as tables, DORA's figures worked out a
//! second time, and the laws that hold for any events at all.

mod dora;
mod handlers;
mod laws;
mod support;

//! The embedded cluster against real processes: started, killed, started again, refused.

mod fence;
mod lifetime;
mod owner;
mod support;

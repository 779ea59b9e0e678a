//! The life of each kind of aggregate, told in order and out of order.

mod configs;
mod deployments;
mod images;
mod incidents;
mod instances;
mod services;
mod states;

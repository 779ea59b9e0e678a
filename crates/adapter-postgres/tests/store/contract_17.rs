//! The ports' promises, on a newer server, where the machine has one.

pts_testkit::contract_suite!(super::support::harness_on(17));

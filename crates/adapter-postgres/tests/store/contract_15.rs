//! The ports' promises, on the oldest server that is supported.

pts_testkit::contract_suite!(super::support::harness_on(15));

//! What the ports promise, as tests that any implementation can be held to.
//!
//! A promise is an async function with a sentence for a name that takes a [`Harness`] around an
//! empty store and panics where the promise is broken. [`contract_suite!`](crate::contract_suite)
//! makes a test of each, in the test binary of whoever implements the ports:
//!
//! ```ignore
//! async fn empty_store() -> Harness { … }
//! pts_testkit::contract_suite!(empty_store());
//! ```
//!
//! The expression is evaluated for every test. It may also give an `Option<Harness>`: with `None`
//! the test is over, for databases that a machine does not have.

pub mod append;
mod harness;

pub use harness::{Harness, hold};

/// Makes a `#[test]` of every promise. `$make` is a future of a [`Harness`] around an empty store,
/// or of an `Option` of one.
#[macro_export]
macro_rules! contract_suite {
    ($make:expr) => {
        $crate::contract_suite! { @tests $make;
            append::positions_count_from_one_without_holes
            append::a_repeated_event_is_stored_once_and_names_the_first
            append::another_event_of_the_same_identity_is_a_conflict
            append::repeats_and_conflicts_inside_one_batch_are_told_apart
            append::a_batch_with_nothing_new_changes_nothing
            append::a_batch_of_a_thousand_events_is_stored_whole
            append::concurrent_appends_of_one_identity_store_it_once
            append::concurrent_appends_leave_no_hole_and_fold_everything
            append::an_append_dropped_half_way_leaves_nothing_half_stored
            append::contradictions_are_told_and_the_event_is_stored_all_the_same
            append::a_store_that_works_is_ready
        }
    };
    (@tests $make:expr; $($area:ident :: $promise:ident)*) => {
        $(
            #[test]
            fn $promise() {
                $crate::contract::hold($make, $crate::contract::$area::$promise);
            }
        )*
    };
}

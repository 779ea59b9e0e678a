//! What the ports promise, as tests that any implementation can be held to.
//!
//! A promise is an async function with a sentence for a name that takes a [`Harness`] around an
//! empty store and panics where the promise is broken. [`contract_suite!`](crate::contract_suite)
//! makes a test of each, in the test binary of whoever implements the ports:
//!
//! ```text
//! async fn empty_store() -> Harness { … }
//! pts_testkit::contract_suite!(empty_store());
//! ```
//!
//! The expression is evaluated for every test. It may also give an `Option<Harness>`: with `None`
//! the test is over, for databases that a machine does not have.

pub mod accounting;
pub mod append;
pub mod audit;
pub mod blind_spots;
pub mod confirmations;
pub mod content;
pub mod contradictions;
pub mod dora;
pub mod elevations;
pub mod export;
mod harness;
pub mod lists;
pub mod maintenance;
pub mod quarantine;
pub mod retention;
pub mod runs;
pub mod search;
pub mod tail;
pub mod tokens;
pub mod workspaces;

pub use harness::{Harness, hold};

/// Makes a `#[test]` of every promise. `$make` is a future of a [`Harness`] around an empty store,
/// or of an `Option` of one.
#[macro_export]
macro_rules! contract_suite {
    ($make:expr) => {
        $crate::contract_suite! { @tests $make;
            append::positions_count_from_one_without_holes
            append::a_repeated_event_is_stored_once_and_names_the_first
            append::a_repeat_is_recognised_for_seven_days_whatever_the_calendar_says
            append::another_event_of_the_same_identity_is_a_conflict
            append::repeats_and_conflicts_inside_one_batch_are_told_apart
            append::a_batch_with_nothing_new_changes_nothing
            append::a_batch_of_a_thousand_events_is_stored_whole
            append::concurrent_appends_of_one_identity_store_it_once
            append::concurrent_appends_leave_no_hole_and_fold_everything
            append::an_append_dropped_half_way_leaves_nothing_half_stored
            append::contradictions_are_told_and_the_event_is_stored_all_the_same
            append::a_store_that_works_is_ready
            append::what_is_announced_is_heard_by_all_who_listen
            append::what_is_written_is_seen_when_it_is_safe
            content::any_text_survives
            content::any_number_survives
            content::a_repeat_in_another_spelling_is_a_repeat
            content::any_shape_survives
            content::random_events_survive
            search::search_is_newest_first_and_a_tie_goes_to_the_later_position
            search::search_finds_what_fits_with_every_filter
            search::a_full_last_page_has_no_next
            search::pages_neither_skip_nor_repeat_while_others_append
            search::an_unknown_id_is_found_by_nobody
            export::all_stretches_together_are_what_a_search_finds
            export::what_is_appended_meanwhile_is_not_in_it
            export::many_events_and_large_ones_are_all_read
            tail::the_tail_gives_what_fits_in_the_order_of_the_log
            tail::reading_on_gives_what_was_appended_since
            contradictions::contradictions_are_listed_newest_first_in_pages
            contradictions::contradictions_are_narrowed_to_what_they_are_about
            lists::deployments_are_what_the_log_means_by_every_filter
            lists::pages_of_deployments_neither_skip_nor_repeat_while_others_append
            lists::services_are_what_the_log_means_in_the_order_of_names
            lists::instances_are_what_the_log_means_and_the_silent_go_first
            lists::settings_are_what_the_log_means
            lists::images_are_what_the_log_means_by_every_filter
            lists::states_are_what_the_log_means_by_every_filter
            lists::incidents_are_what_the_log_means_by_every_filter
            runs::runs_are_what_the_log_means_by_every_filter
            runs::a_late_deployment_takes_its_place_between_the_others
            runs::a_service_that_leaves_ends_what_was_declared
            dora::the_facts_of_a_window_give_the_figures_of_everything
            dora::the_facts_reach_beyond_the_window_where_the_figures_need_it
            tokens::a_token_is_found_by_its_hash_as_it_was_inserted
            tokens::bearer_tokens_are_listed_before_sessions
            tokens::tokens_are_listed_newest_first
            tokens::tokens_are_searched_by_everything_newest_first_in_pages
            tokens::a_use_is_noted_at_most_once_a_minute
            tokens::revoking_is_for_good_and_keeps_the_first_time
            tokens::revoking_a_token_revokes_the_sessions_it_issued
            elevations::a_request_is_kept_with_its_steps_in_order
            elevations::of_steps_at_the_same_time_one_is_first
            elevations::elevations_are_listed_in_pages_by_every_filter
            elevations::what_may_be_active_is_found_with_its_steps
            confirmations::a_confirmation_is_used_once
            confirmations::a_confirmation_that_is_over_is_forgotten
            tokens::sign_ins_are_those_of_people_that_are_not_over
            maintenance::a_rebuild_gives_what_was_there
            maintenance::a_check_of_an_untouched_store_finds_nothing
            maintenance::a_log_that_nobody_touched_is_intact
            maintenance::a_rebuild_of_an_empty_log_is_empty
            accounting::the_account_of_an_empty_store_is_empty
            accounting::what_is_stored_is_exact_however_far_the_log_is_counted
            accounting::what_a_process_counted_is_added_once
            accounting::an_account_is_narrowed_by_every_filter
            accounting::a_short_account_has_the_totals_of_all
            accounting::accounts_are_exact_while_others_append_and_count
            quarantine::an_item_is_kept_as_it_came
            quarantine::the_same_again_is_kept_once_and_counted_as_a_repeat
            quarantine::one_sender_has_a_bound_within_a_minute
            quarantine::items_are_listed_in_pages_by_every_filter
            quarantine::a_replay_changes_what_became_of_an_event_and_not_how_many_came
            quarantine::what_is_discarded_loses_its_text_and_keeps_its_record
            quarantine::what_waits_too_long_is_discarded_and_later_forgotten
            quarantine::concurrent_senders_of_the_same_keep_it_once
            quarantine::what_waits_for_a_question_is_counted
            blind_spots::an_uptime_grows_and_is_kept_once
            blind_spots::a_refusal_is_kept_once_however_often_it_is_told
            blind_spots::of_two_views_of_a_source_the_later_stays
            blind_spots::what_is_expected_is_declared_replaced_and_taken_back
            blind_spots::what_is_long_over_is_forgotten
            audit::what_is_appended_is_one_chain_from_its_first_entry_on
            audit::a_record_is_in_the_chain_once_however_often_it_is_handed_over
            audit::whatever_is_recorded_is_read_as_it_was_written
            audit::all_who_append_at_once_append_one_chain
            audit::entries_are_found_by_every_filter_newest_first_in_pages
            audit::checkpoints_are_kept_once_and_read_in_order
            retention::what_stays_gives_the_same_projections
            retention::a_survey_says_what_goes_and_the_record_what_went
            retention::what_a_source_stored_is_what_is_left_and_what_was_removed
            retention::only_whole_months_behind_the_horizon_go
            retention::a_month_that_is_not_as_it_was_surveyed_is_left_alone
            retention::a_month_is_gone_through_once_unless_something_comes_into_it
            retention::readers_go_on_over_what_was_removed
            retention::what_was_removed_is_forgotten_and_may_come_again
            retention::a_month_of_which_nothing_stays_may_be_written_to_again
            retention::everybody_goes_on_while_months_are_thinned
            retention::room_is_made_for_months_to_come
            workspaces::the_same_identity_in_two_workspaces_is_two_events
            workspaces::a_large_batch_of_two_workspaces_is_told_apart
            workspaces::events_are_found_in_their_workspace_alone
            workspaces::what_has_the_same_name_in_two_workspaces_never_meets
            workspaces::the_figures_of_a_workspace_are_its_own
            workspaces::what_waits_waits_in_its_workspace
            workspaces::accounts_are_kept_for_each_workspace
            workspaces::sources_are_known_and_expected_in_their_workspace
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

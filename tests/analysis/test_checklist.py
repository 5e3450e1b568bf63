"""What the analysis must do, point by point, and the tests that hold it to it.

Three lists: errors of the hand-made analysis of January 2026 that a report must not make, what each section of a report
holds, and input that is odd, damaged or absent. A point without a test, or with the name of a test that is gone, fails.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent

ERRORS_OF_JANUARY = {
    "the title names another metric than the one that ranks": "test_report::test_the_title_names_the_metric_that_ranks",
    "runs that were found are neither shown nor compared": "test_report::test_all_runs_found_are_accounted_for",
    "running and crashed runs stand beside finished ones": (
        "test_report::test_running_and_crashed_runs_are_not_ranked_at_unknown_steps",
        "test_ranking::test_shorter_and_running_runs_have_no_rank",
        "test_ranking::test_a_longer_bad_run_does_not_win",
    ),
    "one run's setting is given as that of all": "test_report::test_what_one_run_states_is_not_said_of_all",
    "what never varied is called a cause": (
        "test_report::test_constant_settings_are_no_causes",
        "test_contrast::test_constant_settings_are_never_what_separates",
    ),
    "one setting has two values": "test_report::test_two_values_of_one_setting_are_reported",
    "the appendix is of another run than it says": (
        "test_report::test_the_appendix_is_of_the_run_it_names",
        "test_report_sections::test_the_appendix_is_the_recorded_configuration_of_the_run_in_its_heading",
        "test_report_sections::test_an_appendix_that_is_not_the_best_run_s_says_so",
    ),
    "a teacher is recommended that no run had": (
        "test_report::test_a_teacher_that_no_run_used_is_a_prior",
        "test_report_sections::test_teachers_are_recommended_from_the_runs_where_these_can_tell",
    ),
    "a command leaves out a share, or leaves PPO no rows unsaid": (
        "test_tools::test_commands_state_both_shares_and_say_when_ppo_has_no_rows"
    ),
    "a command does not parse": (
        "test_tools::test_every_printed_command_passes_the_dry_run",
        "test_tools::test_the_upstream_dialect_writes_json",
    ),
}

SECTIONS = {
    "head: metric, date, version, command, source, fingerprint": (
        "test_report_sections::test_the_head_says_of_what_when_and_by_which_command_it_is",
        "test_groups::test_a_fingerprint_is_of_all_groups",
    ),
    "summary: at most five graded sentences, limits first, all groups": (
        "test_report::test_the_first_sentence_says_what_cannot_be_shown",
        "test_report::test_every_sentence_has_a_grade_and_a_table",
        "test_report_sections::test_the_summary_of_a_pile_with_everything_keeps_the_controlled_comparison",
        "test_groups::test_what_failed_or_runs_in_another_group_is_counted_and_listed",
    ),
    "ranking, then what has no rank, then failures": (
        "test_report_sections::test_the_ranking_has_score_error_steps_and_letter_and_comes_before_what_has_no_rank"
    ),
    "addresses": (
        "test_report_sections::test_runs_are_linked_where_they_have_a_page_and_named_by_folder_where_not"
    ),
    "settings by grade and part, long tables short": (
        "test_report_sections::test_settings_are_sorted_by_what_they_can_explain_and_by_part",
        "test_bad_input::test_thousands_of_settings_make_a_short_report",
    ),
    "what separates: sizes, p, rivals, box, curves, neighbour": (
        "test_report_sections::test_what_separates_is_tested_with_sizes_rivals_and_a_box_on_association",
        "test_report_sections::test_controlled_comparisons_have_seeds_and_an_interval",
        "test_contrast::test_only_a_controlled_comparison_earns_causal_words",
    ),
    "data quality: gaps, NaN, zeros, rewinds, code": (
        "test_data_quality::test_a_long_stretch_without_values_is_noticed",
        "test_data_quality::test_zero_filling_is_noticed",
        "test_data_quality::test_rows_that_a_later_start_replaced_do_not_count",
        "test_data_quality::test_several_code_versions_and_budgets_are_noticed",
        "test_ranking::test_a_run_that_is_mostly_not_finite_is_not_ranked",
    ),
    "health and failures": (
        "test_health::test_health_checks",
        "test_health::test_kl_of_teacher_rows_alone_is_not_judged",
        "test_health::test_failures_have_reasons_and_equal_ones_are_grouped",
    ),
    "teachers: the product's table with what the runs say": (
        "test_report::test_the_report_shows_the_teachers_as_the_list_does",
        "test_report_sections::test_teachers_are_recommended_from_the_runs_where_these_can_tell",
    ),
    "commands": (
        "test_tools::test_every_printed_command_passes_the_dry_run",
        "test_tools::test_a_setting_that_the_runner_lacks_is_named_and_left_out",
        "test_tools::test_a_foreign_recipe_is_never_imported",
    ),
    "metrics to watch, guard rails at 5, 10, 25, 50 %": (
        "test_report_sections::test_metrics_to_watch_have_what_the_top_runs_had_and_guard_rails"
    ),
    "next steps: purpose, cost, information, stop rule": (
        "test_report_sections::test_next_steps_have_purpose_cost_information_and_a_stop_rule"
    ),
    "appendix: recorded configuration and departures": (
        "test_report_sections::test_the_appendix_is_the_recorded_configuration_of_the_run_in_its_heading",
        "test_tools::test_the_appendix_says_what_departs_from_the_recipe",
    ),
    "language: numbers, no causal words": (
        "test_report_sections::test_sentences_are_short_have_numbers_and_no_causal_words",
        "test_report::test_numbers_have_three_digits_and_units",
    ),
    "same bytes for the same data": (
        "test_report::test_the_same_input_gives_the_same_bytes",
        "test_report::test_hash_seed_time_zone_and_locale_change_nothing",
        "test_report::test_the_january_document_is_golden",
    ),
    "schema": "test_sources::test_the_document_fits_its_schema_and_strict_json",
    "nothing untrusted is markup, formula or path": (
        "test_report::test_hostile_names_and_values_are_text",
        "test_report::test_the_page_loads_nothing_and_runs_nothing",
        "test_report::test_a_spreadsheet_finds_no_formula",
        "test_report::test_names_of_files_never_leave_their_folder",
        "test_report::test_no_host_user_or_absolute_path_is_in_a_report",
    ),
}

BAD_INPUT = {
    "no run matches": "test_bad_input::test_no_run_matches",
    "the metric is in no run": (
        "test_bad_input::test_the_metric_is_in_no_run",
        "test_metric_names::test_a_metric_in_no_run_names_the_nearest",
    ),
    "the metric is in some runs": (
        "test_metric_names::test_runs_without_the_metric_are_listed_apart",
        "test_metric_names::test_only_a_metric_that_many_runs_lack_is_warned_of",
    ),
    "fewer than two runs to compare": "test_bad_input::test_one_run_gets_a_report_without_statistics",
    "all scores equal": "test_ranking::test_all_scores_equal_means_no_ranks",
    "values that are not finite": "test_ranking::test_a_run_that_is_mostly_not_finite_is_not_ranked",
    "the best value is among the first": "test_data_quality::test_a_best_value_in_the_first_rows_is_noticed",
    "several games, lengths, projects, step axes": (
        "test_bad_input::test_mixed_games_are_a_usage_error_unless_asked_for",
        "test_groups::test_different_games_are_never_ranked_together",
        "test_groups::test_runs_of_other_projects_or_step_axes_are_never_ranked_together",
    ),
    "a run that goes on": (
        "test_ranking::test_a_running_run_is_read_up_to_its_newest_row_and_marked",
        "test_wandb_log::test_a_file_that_grows_never_loses_rows",
    ),
    "a cut or damaged log": (
        "test_bad_input::test_a_damaged_log_says_what_it_lost_and_where",
        "test_bad_input::test_a_log_that_is_cut_within_a_record_says_where",
        "test_wandb_log::test_cut_anywhere_a_log_gives_a_prefix",
        "test_wandb_log::test_a_flipped_byte_loses_at_most_its_block",
        "test_wandb_log::test_ten_thousand_mutated_files_raise_nothing_and_end",
    ),
    "an empty, foreign, newer or undecodable log": (
        "test_bad_input::test_empty_and_damaged_logs_are_listed",
        "test_wandb_log::test_files_that_are_no_logs_say_why",
        "test_wandb_log::test_empty_and_foreign_files_are_listed_apart",
        "test_wandb_log::test_garbage_with_a_right_checksum_is_counted",
    ),
    "one id several times": (
        "test_wandb_log::test_fragments_of_one_run_are_merged_and_rewinds_counted",
        "test_wandb_log::test_five_folders_of_one_run_are_one_run",
        "test_wandb_real_logs::test_a_resumed_run_is_one_run_whose_later_rows_count",
        "test_sources::test_the_same_run_from_two_sources_is_one_run",
    ),
    "a configuration that is absent or no map": (
        "test_bad_input::test_a_configuration_that_is_no_map",
        "test_bad_input::test_damaged_run_directories_do_not_stop_the_others",
    ),
    "a setting that changed": "test_data_quality::test_a_setting_that_changed_during_a_run_is_noted",
    "ten thousand settings": "test_bad_input::test_thousands_of_settings_make_a_short_report",
    "a server that refuses or gives a part": (
        "test_bad_input::test_a_server_that_cannot_be_asked_is_status_five",
        "test_bad_input::test_an_incomplete_history_of_the_server_is_marked_in_the_report",
        "test_wandb_api::test_refusals_say_why",
        "test_wandb_api::test_an_incomplete_scan_falls_back_and_is_marked_if_that_does_not_help",
        "test_wandb_client::test_a_missing_project_and_a_refusal_are_told_apart",
        "test_wandb_client::test_rows_that_a_scan_leaves_out_are_fetched_otherwise",
    ),
    "a clock that is ahead": (
        "test_bad_input::test_a_clock_in_the_future_is_noticed",
        "test_bad_input::test_a_run_whose_clock_was_ahead_is_filtered_by_its_data",
    ),
    "a history larger than memory": (
        "test_bad_input::test_a_log_larger_than_what_is_held_of_it_is_streamed"
    ),
    "a folder that exists": (
        "test_bad_input::test_a_folder_that_is_no_report_is_not_replaced",
        "test_report::test_a_report_is_replaced_and_anything_else_is_not",
    ),
    "tables, numbers, nesting and options that nothing can hold": (
        "test_bad_input::test_tables_of_an_unexpected_form",
        "test_bad_input::test_csv_of_an_unexpected_form",
        "test_bad_input::test_numbers_and_nesting_that_nothing_can_hold",
        "test_bad_input::test_numbers_that_nothing_can_hold_in_a_log",
        "test_bad_input::test_options_that_cannot_be_read_are_usage_errors",
    ),
}


@pytest.fixture(scope="module")
def written() -> set[str]:
    """`file::test` of every test beside this file."""
    return {
        f"{path.stem}::{node.name}"
        for path in HERE.glob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


@pytest.mark.parametrize(
    ("point", "tests"), [*ERRORS_OF_JANUARY.items(), *SECTIONS.items(), *BAD_INPUT.items()]
)
def test_every_point_has_its_tests(written, point, tests):
    named = {tests} if isinstance(tests, str) else set(tests)
    assert named
    assert named <= written, f"{point}: {named - written}"

// SPDX-License-Identifier: Apache-2.0
// The pipeline on a real store, driven by hand where an LDIF scenario cannot go: crashes, doubt, refused
// cookies, storms.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "pipeline_world.h"

// --- the first load ------------------------------------------------------------------------------

static void first_load_is_silent(void **state)
{
    (void)state;
    expect_cookie(NULL);
    assert_false(pipeline_caught_up(world->pipeline));
    load();
    assert_true(pipeline_caught_up(world->pipeline));
    expect_events("");
    expect_cookie("c1");
    assert_true(pipeline_state(world->pipeline)->loaded);
    assert_int_equal(pipeline_state(world->pipeline)->caught_up, START);
    assert_int_equal(world->notified, 0);
}

static void first_load_wants_everything(void **state)
{
    (void)state;
    assert_int_equal(begin(SOURCE_REFRESH_CHANGES), -1);
    expect_cookie(NULL);
    load();
    expect_events("");
}

static void first_load_that_crashed_begins_anew(void **state)
{
    (void)state;
    OK(begin(SOURCE_REFRESH_WHOLE));
    OK(say(1, PERSON("ann")));
    OK(say(2, PERSON("old")));
    world_crash();
    expect_cookie(NULL);
    assert_false(pipeline_state(world->pipeline)->loaded);
    load(); // entry 2 has another name by now: no event, nobody knew it before
    expect_events("");
    expect_cookie("c1");
}

// --- order of calls ------------------------------------------------------------------------------

static void nothing_comes_before_the_refresh(void **state)
{
    (void)state;
    assert_int_equal(say(1, PERSON("ann")), -1);
    assert_int_equal(checkpoint("c0"), -1);
    expect_cookie(NULL);
    load();
    world_crash();
    assert_int_equal(say(1, PERSON("ann")), -1);
    OK(begin(SOURCE_REFRESH_CHANGES));
    OK(say(1, PERSON("ann") ";title=Boss"));
    assert_int_equal(checkpoint("c2"), -1);
    expect_cookie("c1");
    expect_events("");
}

static void abort_forgets_the_batch(void **state)
{
    (void)state;
    load();
    OK(say(9, GROUP("staff") ";member=cn=ann,dc=x;member=cn=ben,dc=x"));
    pipeline_abort(world->pipeline);
    assert_false(pipeline_caught_up(world->pipeline));
    OK(begin(SOURCE_REFRESH_CHANGES));
    OK(end(SOURCE_SWEEP_NO, "c2", NULL));
    expect_events("");
    expect_cookie("c2");
}

// --- crashes -------------------------------------------------------------------------------------

static void crash_before_the_checkpoint_loses_nothing(void **state)
{
    (void)state;
    load();
    OK(say(9, GROUP("staff") ";member=cn=ann,dc=x;member=cn=ben,dc=x"));
    world_crash();
    expect_cookie("c1");
    expect_events("");
    OK(begin(SOURCE_REFRESH_CHANGES));
    OK(say(9, GROUP("staff") ";member=cn=ann,dc=x;member=cn=ben,dc=x"));
    OK(end(SOURCE_SWEEP_NO, "c2", NULL));
    expect_events("group.member.added staff ben");
    expect_outbox(0, "ben@x.example");
    assert_int_equal(world->notified, 1);
}

static void crash_after_the_checkpoint_tells_nothing_twice(void **state)
{
    (void)state;
    load();
    OK(say(9, GROUP("staff") ";member=cn=ann,dc=x;member=cn=ben,dc=x"));
    OK(checkpoint("c2"));
    expect_events("group.member.added staff ben");
    world_crash();
    expect_cookie("c2");
    OK(begin(SOURCE_REFRESH_CHANGES)); // a server may well send it again
    OK(say(9, GROUP("staff") ";member=cn=ann,dc=x;member=cn=ben,dc=x"));
    OK(end(SOURCE_SWEEP_NO, "c2", NULL));
    expect_events("");
    expect_outbox(0, "ben@x.example");
}

static void crash_in_a_refresh_forgets_the_stage(void **state)
{
    (void)state;
    load();
    world_crash();
    OK(begin(SOURCE_REFRESH_WHOLE));
    OK(say(1, PERSON("ann") ";title=Boss"));
    world_crash();
    expect_cookie("c1");
    OK(begin(SOURCE_REFRESH_CHANGES));
    OK(end(SOURCE_SWEEP_NO, "c2", NULL));
    expect_events("");
}

// Ben and Cas join, Ann goes, a new one comes: four transactions.
static void refresh_of_many(void)
{
    OK(begin(SOURCE_REFRESH_WHOLE));
    OK(say(2, PERSON("ben") ";title=Clerk"));
    OK(say(3, PERSON("cas") ";title=Cook"));
    OK(say(4, PERSON("dee")));
    OK(say(9, GROUP("staff") ";member=cn=ben,dc=x;member=cn=dee,dc=x"));
    OK(end(SOURCE_SWEEP_UNMENTIONED, "c2", NULL));
}

// Killed in each of its transactions in turn: the cookie never runs ahead, and in the end each event is there
// once.
static void crash_between_the_transactions_of_a_refresh(void **state)
{
    (void)state;
    world_configure("resync_transaction = 1;", "");
    world_crash();
    load();
    for (int at = 1;; at++) {
        talloc_free(world->pipeline);
        directory_store_close(world->store);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            world_open();
            world->progressed = 0;
            world->exit_at = at;
            refresh_of_many();
            _exit(0);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        world_open();
        if (WEXITSTATUS(status) == 0) {
            assert_true(at > 3); // each one had less left to do
            break;
        }
        assert_int_equal(WEXITSTATUS(status), 7);
        expect_cookie("c1");
    }
    expect_cookie("c2");
    expect_events(
        "user.deleted ann; user.created dee; user.modified ben; user.modified cas; "
        "group.member.added staff dee; group.member.added staff ben; group.member.removed staff ann");
}

// --- what is not believed ------------------------------------------------------------------------

static void refresh_without_cas(enum source_sweep sweep, const char *cookie, const char *doubt)
{
    OK(begin(SOURCE_REFRESH_WHOLE));
    OK(say(1, PERSON("ann")));
    OK(say(2, PERSON("ben")));
    OK(say(9, GROUP("staff") ";member=cn=ann,dc=x"));
    OK(end(sweep, cookie, doubt));
}

static void doubt_sweeps_nothing(void **state)
{
    (void)state;
    load();
    refresh_without_cas(SOURCE_SWEEP_UNMENTIONED, "c2", "CSN of sid 001 went back");
    expect_events("");
    refresh_without_cas(SOURCE_SWEEP_NO, "c3", NULL);
    expect_events("");
    refresh_without_cas(SOURCE_SWEEP_UNMENTIONED, "c4", NULL);
    expect_events("user.deleted cas");
    expect_cookie("c4");
}

static void doubt_does_not_touch_listed_deletes(void **state)
{
    (void)state;
    load();
    OK(begin(SOURCE_REFRESH_CHANGES));
    OK(gone(3));
    OK(end(SOURCE_SWEEP_UNMENTIONED, "c2", "CSN of sid 001 went back"));
    expect_events("user.deleted cas");
}

static void deletes_of_strangers_are_nothing(void **state)
{
    (void)state;
    load();
    OK(gone(77));
    OK(checkpoint("c2"));
    OK(begin(SOURCE_REFRESH_CHANGES));
    OK(gone(78));
    OK(end(SOURCE_SWEEP_NO, "c3", NULL));
    expect_events("");
}

static void changed_view_is_a_silent_baseline(void **state)
{
    (void)state;
    load();
    world_configure("watch_attributes = [ \"title\", \"roomNumber\" ];", "");
    world_crash();
    expect_cookie(NULL); // it would leave the new attribute out for whatever did not change
    OK(begin(SOURCE_REFRESH_WHOLE));
    OK(say(1, PERSON("ann") ";roomNumber=1;title=Boss"));
    OK(say(2, PERSON("ben") ";roomNumber=1"));
    OK(say(9, GROUP("staff") ";member=cn=ann,dc=x"));
    OK(end(SOURCE_SWEEP_UNMENTIONED, "c2", NULL));
    expect_events("user.modified ann"); // the title; neither the rooms nor the missing Cas
    expect_cookie("c2");
    OK(say(1, PERSON("ann") ";roomNumber=2;title=Boss"));
    OK(checkpoint("c3"));
    expect_events("user.modified ann");
    world_crash();
    expect_cookie("c3"); // the view is the known one again
    refresh_without_cas(SOURCE_SWEEP_UNMENTIONED, "c4", NULL);
    expect_events("user.modified ann; user.modified ben"); // who knows whether Cas is gone or out of view?
    OK(say(3, PERSON("cas")));
    OK(checkpoint("c5"));
    refresh_without_cas(SOURCE_SWEEP_UNMENTIONED, "c6", NULL);
    expect_events("user.deleted cas"); // now there is no doubt
}

static void changed_view_stays_changed_until_its_refresh_is_in(void **state)
{
    (void)state;
    load();
    world_configure("watch_attributes = \"roomNumber\";", "");
    world_crash();
    OK(begin(SOURCE_REFRESH_WHOLE));
    OK(say(1, PERSON("ann") ";roomNumber=1"));
    world_crash();
    expect_cookie(NULL);
    refresh_without_cas(SOURCE_SWEEP_UNMENTIONED, "c2", NULL);
    expect_events("");
}

// --- the cookie ----------------------------------------------------------------------------------

static void forgotten_cookie_comes_back_with_a_refresh(void **state)
{
    (void)state;
    load();
    pipeline_forget_cookie(world->pipeline);
    expect_cookie(NULL);
    refresh_without_cas(SOURCE_SWEEP_UNMENTIONED, "c2", NULL);
    expect_cookie("c2");
    expect_events("user.deleted cas");
}

// Two who believe that they are the writer: the second one's transaction is refused as a whole.
static void commit_is_conditional_on_the_cookie(void **state)
{
    (void)state;
    load();
    struct pipeline *first = world->pipeline, *second = pipeline_on_store();
    world->pipeline = second;
    OK(begin(SOURCE_REFRESH_CHANGES));
    OK(end(SOURCE_SWEEP_NO, "c2", NULL));
    world->pipeline = first;
    OK(say(9, GROUP("staff") ";member=cn=ann,dc=x;member=cn=ben,dc=x"));
    assert_int_equal(checkpoint("c3"), -1);
    assert_int_equal(world->err.code, STORE_CONFLICT);
    expect_events("");
    expect_outbox(0, "");
    assert_int_equal(world->notified, 0);
    talloc_free(second);
    world_crash();
    expect_cookie("c2");
}

static void checkpoint_without_changes_moves_the_cookie_only(void **state)
{
    (void)state;
    load();
    clock_advance_fake(CLOCK_MINUTE);
    OK(checkpoint("c2"));
    expect_cookie("c2");
    assert_int_equal(pipeline_state(world->pipeline)->last_change, START);
    OK(say(1, PERSON("ann")));
    OK(checkpoint("c3"));
    expect_events(""); // a modify that changed nothing
    assert_int_equal(pipeline_state(world->pipeline)->last_change, START + CLOCK_MINUTE);
}

static void pinned_choices_survive(void **state)
{
    (void)state;
    OK(pipeline_pin(world->pipeline, "syncrepl", &world->err));
    OK(pipeline_pin(world->pipeline, "syncrepl", &world->err));
    load();
    world_crash();
    assert_string_equal(pipeline_state(world->pipeline)->source, "syncrepl");
    assert_string_equal(pipeline_state(world->pipeline)->flavour, "openldap");
    expect_cookie("c1");
}

// --- storms --------------------------------------------------------------------------------------

// Four new members at once, where three are allowed.
static void storm_begins(void)
{
    OK(begin(SOURCE_REFRESH_WHOLE));
    for (int i = 1; i <= 6; i++) {
        char *person = talloc_asprintf(world, "cn=p%d;objectClass=inetOrgPerson;mail=p%d@x.example", i, i);
        OK(say(i, person));
    }
    OK(say(9, GROUP("staff") ";member=cn=p6,dc=x"));
    OK(end(SOURCE_SWEEP_UNMENTIONED, "c1", NULL));
    OK(say(9, GROUP("staff") ";member=cn=p6,dc=x;member=cn=p1,dc=x;member=cn=p2,dc=x;member=cn=p3,dc=x;"
                             "member=cn=p4,dc=x"));
    OK(checkpoint("c2"));
}

static int64_t only_storm(struct storm *storm)
{
    struct storm *storms = NULL;
    size_t count = 0;
    OK(directory_store_storms(world->store, world, &storms, &count, &world->err));
    assert_int_equal(count, 1);
    *storm = storms[0];
    return storm->id;
}

static void storm_is_held_and_the_admins_told_once(void **state)
{
    (void)state;
    struct storm storm;
    storm_begins();
    expect_outbox(0, "root@x.example");
    OK(say(9, GROUP("staff") ";member=cn=p6,dc=x;member=cn=p1,dc=x;member=cn=p2,dc=x;member=cn=p3,dc=x;"
                             "member=cn=p4,dc=x;"
                             "member=cn=p5,dc=x"));
    OK(say(6, "cn=p6;objectClass=inetOrgPerson;mail=p6@x.example;title=Boss"));
    OK(checkpoint("c3"));
    expect_outbox(0, "root@x.example p6@x.example"); // the other rule goes on
    only_storm(&storm);
    assert_string_equal(storm.rule, "members");
    assert_int_equal(storm.state, STORM_OPEN);
    assert_int_equal(storm.events, 5);
    assert_int_equal(storm.notifications, 5);
}

static void storm_outlives_a_crash(void **state)
{
    (void)state;
    struct storm storm;
    storm_begins();
    world_crash();
    OK(begin(SOURCE_REFRESH_CHANGES));
    OK(say(9, GROUP("staff") ";member=cn=p1,dc=x;member=cn=p2,dc=x;member=cn=p3,dc=x;member=cn=p4,dc=x"));
    OK(end(SOURCE_SWEEP_NO, "c3", NULL));
    expect_outbox(0, "root@x.example");
    only_storm(&storm);
    assert_int_equal(storm.events, 5);
}

// p1 is taken out again while all is held: p1 hears nothing, neither now nor of both.
static void storm_release_leaves_out_what_was_undone(void **state)
{
    (void)state;
    struct storm storm;
    int64_t count;
    storm_begins();
    OK(say(9, GROUP("staff") ";member=cn=p6,dc=x;member=cn=p2,dc=x;member=cn=p3,dc=x;member=cn=p4,dc=x"));
    OK(checkpoint("c3"));
    world->notified = 0;
    OK(pipeline_release_storm(world->pipeline, only_storm(&storm), "mary", &count, &world->err));
    assert_int_equal(count, 3);
    assert_int_equal(world->notified, 1);
    struct outbox_row *rows = NULL;
    size_t rows_count = 0;
    OK(directory_store_outbox(world->store, world, 1, 1000, &rows, &rows_count, &world->err));
    assert_int_equal(rows_count, 3);
    for (size_t i = 0; i < rows_count; i++)
        assert_string_not_equal(rows[i].notification.recipient.address, "p1@x.example");
    only_storm(&storm);
    assert_int_equal(storm.state, STORM_RELEASED);
    assert_string_equal(storm.closed_by, "mary");
    assert_int_equal(pipeline_release_storm(world->pipeline, storm.id, "mary", &count, &world->err), -1);
    assert_non_null(strstr(world->err.text, "storm list"));
}

// After a calm the rule tells p1's removal at once; the held addition must not follow it.
static void storm_release_never_adds_after_a_removal(void **state)
{
    (void)state;
    struct storm storm;
    int64_t count;
    storm_begins();
    clock_advance_fake(11 * CLOCK_MINUTE);
    OK(say(9, GROUP("staff") ";member=cn=p6,dc=x;member=cn=p2,dc=x;member=cn=p3,dc=x;member=cn=p4,dc=x"));
    OK(checkpoint("c3"));
    expect_outbox(1, "p1@x.example");
    OK(pipeline_release_storm(world->pipeline, only_storm(&storm), "mary", &count, &world->err));
    assert_int_equal(count, 3);
    struct decision *decisions = NULL;
    size_t told = 0, undone = 0;
    for (int64_t event = 1; event <= 4; event++) {
        size_t decision_count = 0;
        OK(directory_store_decisions(world->store, world, event, &decisions, &decision_count, &world->err));
        assert_int_equal(decision_count, 2);
        assert_int_equal(decisions[0].outcome, DECISION_HELD);
        told += decisions[1].outcome == DECISION_TOLD;
        undone += decisions[1].outcome == DECISION_STALE && strstr(decisions[1].reason, "undone");
    }
    assert_int_equal(told, 3);
    assert_int_equal(undone, 1);
}

static void storm_discard_tells_nobody(void **state)
{
    (void)state;
    struct storm storm;
    int64_t count;
    storm_begins();
    OK(pipeline_discard_storm(world->pipeline, only_storm(&storm), "joe", &world->err));
    only_storm(&storm);
    assert_int_equal(storm.state, STORM_DISCARDED);
    expect_outbox(0, "root@x.example");
    assert_int_equal(pipeline_discard_storm(world->pipeline, storm.id, "joe", &world->err), -1);
    assert_int_equal(pipeline_release_storm(world->pipeline, storm.id, "joe", &count, &world->err), -1);
    OK(say(9, GROUP("staff") ";member=cn=p6,dc=x;member=cn=p2,dc=x;member=cn=p3,dc=x;member=cn=p4,dc=x"));
    OK(checkpoint("c3"));
    expect_outbox(1, "p1@x.example"); // the rule works again
}

// Four users change at once, but somebody else has moved the cookie on. What comes next is not held in a
// storm that was never kept.
static void storm_of_a_failed_transaction_never_was(void **state)
{
    (void)state;
    OK(begin(SOURCE_REFRESH_WHOLE));
    OK(say(1, PERSON("ann")));
    OK(say(2, LOCKED_BEFORE));
    OK(say(3, PERSON("cas")));
    OK(say(4, PERSON("dee")));
    OK(say(8, POLICY));
    OK(end(SOURCE_SWEEP_UNMENTIONED, "c1", NULL));
    struct pipeline *first = world->pipeline, *second = pipeline_on_store();
    world->pipeline = second;
    OK(begin(SOURCE_REFRESH_CHANGES));
    OK(end(SOURCE_SWEEP_NO, "c2", NULL));
    world->pipeline = first;
    OK(say(1, PERSON("ann") ";title=One"));
    OK(say(2, LOCKED_BEFORE ";title=Two"));
    OK(say(3, PERSON("cas") ";title=Three"));
    OK(say(4, PERSON("dee") ";title=Four"));
    assert_int_equal(checkpoint("c3"), -1);
    expect_events("");
    clock_advance_fake(6 * CLOCK_MINUTE);
    OK(pipeline_tick(world->pipeline, clock_now(), &world->err));
    expect_events("user.unlocked ben");
    expect_outbox(0, "ben@x.example");
    talloc_free(second);
}

static void storm_of_a_rule_that_is_gone_can_be_discarded_only(void **state)
{
    (void)state;
    struct storm storm;
    int64_t count;
    storm_begins();
    only_storm(&storm);
    for (size_t i = 0; i < world->config->rule_count; i++)
        world->config->rules[i].enabled = strcmp(world->config->rules[i].name, "members") != 0;
    world_crash();
    assert_int_equal(pipeline_release_storm(world->pipeline, storm.id, "mary", &count, &world->err), -1);
    assert_non_null(strstr(world->err.text, "members"));
    OK(pipeline_discard_storm(world->pipeline, storm.id, "mary", &world->err));
}

// --- timers --------------------------------------------------------------------------------------

static void timers_wait_for_the_refresh(void **state)
{
    (void)state;
    OK(begin(SOURCE_REFRESH_WHOLE));
    OK(say(2, LOCKED));
    OK(say(8, POLICY));
    OK(end(SOURCE_SWEEP_UNMENTIONED, "c1", NULL));
    assert_int_equal(pipeline_next_timer(world->pipeline), START + 15 * CLOCK_MINUTE);
    OK(pipeline_tick(world->pipeline, clock_now(), &world->err));
    expect_events("");

    clock_advance_fake(CLOCK_HOUR);
    world_crash();
    OK(pipeline_tick(world->pipeline, clock_now(), &world->err));
    expect_events(""); // perhaps it was unlocked and locked again meanwhile
    OK(begin(SOURCE_REFRESH_CHANGES));
    OK(pipeline_tick(world->pipeline, clock_now(), &world->err));
    expect_events("");
    OK(end(SOURCE_SWEEP_NO, "c2", NULL));
    OK(pipeline_tick(world->pipeline, clock_now(), &world->err));
    expect_events("user.unlocked ben");
    OK(pipeline_tick(world->pipeline, clock_now(), &world->err));
    assert_int_equal(pipeline_next_timer(world->pipeline), 0);
    OK(say(2, PERSON("ben")));
    OK(checkpoint("c3"));
    expect_events(""); // the server cleans up what had ended
}

static void timer_of_a_lock_that_went_meanwhile_is_silent(void **state)
{
    (void)state;
    OK(begin(SOURCE_REFRESH_WHOLE));
    OK(say(2, LOCKED));
    OK(say(8, POLICY));
    OK(end(SOURCE_SWEEP_UNMENTIONED, "c1", NULL));
    OK(gone(2));
    OK(checkpoint("c2"));
    expect_events("user.deleted ben");
    assert_int_equal(pipeline_next_timer(world->pipeline), 0);
    clock_advance_fake(CLOCK_HOUR);
    OK(pipeline_tick(world->pipeline, clock_now(), &world->err));
    expect_events("");
}

static void policy_outside_the_mirror_is_read_once(void **state)
{
    (void)state;
    world_configure("default_password_policy = \"cn=default,o=elsewhere\";", "");
    world_crash();
    load();
    world->policy_seconds = "600";
    OK(say(2, LOCKED));
    OK(say(3, PERSON("cas") ";pwdAccountLockedTime=20260105090000Z"));
    OK(checkpoint("c2"));
    expect_events("user.locked ben; user.locked cas");
    assert_int_equal(world->reads, 1);
    assert_int_equal(pipeline_next_timer(world->pipeline), START + 10 * CLOCK_MINUTE);
    clock_advance_fake(10 * CLOCK_MINUTE);
    OK(pipeline_tick(world->pipeline, clock_now(), &world->err));
    expect_events("user.unlocked ben; user.unlocked cas");
}

static void policy_that_cannot_be_read_promises_no_end(void **state)
{
    (void)state;
    world_configure("default_password_policy = \"cn=default,o=elsewhere\";", "");
    world_crash();
    load();
    OK(say(2, LOCKED));
    OK(checkpoint("c2"));
    expect_events("user.locked ben");
    assert_int_equal(world->reads, 1);
    assert_int_equal(pipeline_next_timer(world->pipeline), 0);
}

// --- the rest ------------------------------------------------------------------------------------

static void alert_goes_to_the_admins(void **state)
{
    (void)state;
    OK(pipeline_alert(world->pipeline, EVENT_SYSTEM_DIRECTORY_REFUSED, "Invalid credentials (49).",
                      &world->err));
    expect_events("system.directory.refused");
    expect_outbox(0, "root@x.example");
    assert_int_equal(world->notified, 1);
}

static void work_without_news_wakes_nobody(void **state)
{
    (void)state;
    load();
    world->progressed = 0;
    refresh_without_cas(SOURCE_SWEEP_UNMENTIONED, "c2", NULL);
    assert_true(world->progressed >= 2);
    assert_int_equal(world->notified, 1); // Cas is told of the end of the account
    OK(say(9, GROUP("staff") ";member=cn=ann,dc=x;description=Us"));
    OK(checkpoint("c3"));
    expect_events("user.deleted cas; group.modified staff");
    assert_int_equal(world->notified, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(first_load_is_silent),
        TEST(first_load_wants_everything),
        TEST(first_load_that_crashed_begins_anew),
        TEST(nothing_comes_before_the_refresh),
        TEST(abort_forgets_the_batch),
        TEST(crash_before_the_checkpoint_loses_nothing),
        TEST(crash_after_the_checkpoint_tells_nothing_twice),
        TEST(crash_in_a_refresh_forgets_the_stage),
        TEST(crash_between_the_transactions_of_a_refresh),
        TEST(doubt_sweeps_nothing),
        TEST(doubt_does_not_touch_listed_deletes),
        TEST(deletes_of_strangers_are_nothing),
        TEST(changed_view_is_a_silent_baseline),
        TEST(changed_view_stays_changed_until_its_refresh_is_in),
        TEST(forgotten_cookie_comes_back_with_a_refresh),
        TEST(commit_is_conditional_on_the_cookie),
        TEST(checkpoint_without_changes_moves_the_cookie_only),
        TEST(pinned_choices_survive),
        TEST(storm_is_held_and_the_admins_told_once),
        TEST(storm_outlives_a_crash),
        TEST(storm_release_leaves_out_what_was_undone),
        TEST(storm_release_never_adds_after_a_removal),
        TEST(storm_discard_tells_nobody),
        TEST(storm_of_a_failed_transaction_never_was),
        TEST(storm_of_a_rule_that_is_gone_can_be_discarded_only),
        TEST(timers_wait_for_the_refresh),
        TEST(timer_of_a_lock_that_went_meanwhile_is_silent),
        TEST(policy_outside_the_mirror_is_read_once),
        TEST(policy_that_cannot_be_read_promises_no_end),
        TEST(alert_goes_to_the_admins),
        TEST(work_without_news_wakes_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

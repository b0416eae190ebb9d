// SPDX-License-Identifier: Apache-2.0
// What the first half promises, where it is hardest to keep: a store that fails at any statement, providers that lag
// behind, a clock at the very moment, one entry many times in a batch.
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "directory/schema.h"
#include "pipeline_world.h"

// What a provider with SID 001 has reached, in seconds.
#define REACHED(seconds) "rid=000,csn=202601050900" seconds ".000000Z#000000#001#000000"

#define STAFF(members) GROUP("staff") members
#define ANN ";member=cn=ann,dc=x"
#define BEN ";member=cn=ben,dc=x"
#define CAS ";member=cn=cas,dc=x"
#define DEE ";member=cn=dee,dc=x"

// --- a store that fails ------------------------------------------------------------------------------------------------

static void store_execute(const char *format, const char *one, const char *two)
{
    sqlite3 *handle;
    char *words = NULL, *sql = sqlite3_mprintf(format, one, two);
    char *path = talloc_asprintf(world, "%s/corp.db", world->dir);
    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    if (sqlite3_exec(handle, sql, NULL, NULL, &words) != SQLITE_OK)
        fail_msg("%s: %s", sql, words);
    sqlite3_free(sql);
    assert_int_equal(sqlite3_close(handle), SQLITE_OK);
}

// From now on this fails: "INSERT ON outbox", if `when`.
static void store_fails(const char *what, const char *when)
{
    store_execute("CREATE TRIGGER fault BEFORE %s WHEN %s BEGIN SELECT RAISE(ABORT, 'as told'); END", what, when);
}

static void store_works(void)
{
    store_execute("DROP TRIGGER fault", NULL, NULL);
}

// Every kind of row that the transactions below write.
static const char *const faults[] = { "INSERT ON entry",    "INSERT ON content",  "INSERT ON link",     "DELETE ON link",
                                      "DELETE ON entry",    "INSERT ON former",   "INSERT ON event",    "INSERT ON decision",
                                      "INSERT ON outbox",   "UPDATE ON state" };

static const char all_events[] = "user.created dee; user.deleted cas; group.member.added staff dee; "
                                 "group.member.added staff ben; group.member.removed staff ann";

static void tell_all(void)
{
    OK(say(4, PERSON("dee")));
    OK(gone(3));
    OK(say(9, STAFF(BEN DEE)));
}

static void batch_fails_and_is_told_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        if (i > 0) {
            tear_down(state);
            set_up(state);
        }
        load();
        store_fails(faults[i], "1");
        tell_all();
        if (checkpoint("c2") == 0)
            fail_msg("%s did not fail", faults[i]);
        pipeline_abort(world->pipeline); // as the worker does before it begins anew
        expect_cookie("c1");
        store_works();
        expect_events("");
        expect_outbox(0, "");
        assert_int_equal(world->notified, 0);
        OK(begin(SOURCE_REFRESH_CHANGES));
        OK(end(SOURCE_SWEEP_NO, "c1", NULL));
        tell_all();
        OK(checkpoint("c2"));
        expect_events(all_events);
        expect_cookie("c2");
    }
}

// One entry a transaction; the store fails at the n-th event, then works again.
static void refresh_fails_half_way_and_is_told_once(void **state)
{
    for (int n = 1; n <= 5; n++) {
        if (n > 1) {
            tear_down(state);
            set_up(state);
        }
        world->seen = 0;
        world_configure("resync_transaction = 1;", "");
        world_crash();
        load();
        store_fails("INSERT ON event", talloc_asprintf(world, "NEW.sequence >= %d", n));
        for (int attempt = 0; attempt < 2; attempt++) {
            OK(begin(SOURCE_REFRESH_WHOLE));
            OK(say(1, PERSON("ann")));
            OK(say(2, PERSON("ben")));
            OK(say(4, PERSON("dee")));
            OK(say(9, STAFF(BEN DEE)));
            if (attempt == 1)
                store_works();
            assert_int_equal(end(SOURCE_SWEEP_UNMENTIONED, "c2", NULL), attempt == 1 ? 0 : -1);
            expect_cookie(attempt == 1 ? "c2" : "c1");
        }
        expect_events("user.deleted cas; user.created dee; group.member.added staff dee; "
                      "group.member.added staff ben; group.member.removed staff ann");
    }
}

// What was counted for a transaction that never was must not make a storm of a later one.
static void breaker_forgets_what_was_rolled_back(void **state)
{
    (void)state;
    world->config->storm.per_minute = 4;
    world_crash();
    load();
    store_fails("UPDATE ON state", "1");
    for (int attempt = 0; attempt < 5; attempt++) {
        OK(say(9, STAFF(ANN BEN CAS)));
        assert_int_equal(checkpoint("c2"), -1);
    }
    store_works();
    OK(say(9, STAFF(ANN BEN CAS)));
    OK(checkpoint("c2"));
    expect_events("group.member.added staff cas; group.member.added staff ben");
    expect_outbox(0, "cas@x.example ben@x.example");
}

// Four new people in one batch, where three are allowed: the alert of the storm cannot be kept at first.
static void storm_that_was_rolled_back_begins_again(void **state)
{
    struct storm *storms = NULL;
    size_t count = 0;
    (void)state;
    load();
    store_fails("INSERT ON outbox", "1");
    for (int attempt = 0; attempt < 2; attempt++) {
        for (int i = 0; i < 4; i++)
            OK(say(20 + i, ((const char *[]){ PERSON("e"), PERSON("f"), PERSON("g"), PERSON("h") })[i]));
        assert_int_equal(checkpoint("c2"), attempt == 1 ? 0 : -1);
        if (attempt == 0) {
            // Ann alone is no storm, and there is none that she could join.
            store_works();
            OK(say(1, PERSON("ann") ";title=Boss"));
            OK(checkpoint("c2"));
            OK(directory_store_storms(world->store, world, &storms, &count, &world->err));
            assert_int_equal(count, 0);
            expect_outbox(0, "ann@x.example");
        }
    }
    OK(directory_store_storms(world->store, world, &storms, &count, &world->err));
    assert_int_equal(count, 1);
    assert_int_equal(storms[0].events, 4);
    expect_outbox(1, "root@x.example");
}

// --- what is not believed ------------------------------------------------------------------------------------------------

static char *went_back(void *context, TALLOC_CTX *ctx, const char *ours, const char *theirs)
{
    (void)context;
    return source_syncrepl.went_back(ctx, ours, theirs);
}

static void load_reached(const char *cookie)
{
    world->hooks.went_back = went_back;
    load();
    OK(checkpoint(cookie));
}

static void whole_without_cas(const char *cookie)
{
    pipeline_forget_cookie(world->pipeline);
    expect_cookie(NULL);
    OK(begin(SOURCE_REFRESH_WHOLE));
    OK(say(1, PERSON("ann")));
    OK(say(2, PERSON("ben")));
    OK(say(9, STAFF(ANN)));
    OK(end(SOURCE_SWEEP_UNMENTIONED, cookie, NULL));
}

// It refused our cookie, so everything is read; but it has not got that far itself.
static void lagging_provider_deletes_nobody(void **state)
{
    (void)state;
    load_reached(REACHED("50"));
    whole_without_cas(REACHED("40"));
    expect_events("");
    assert_true(pipeline_doubts(world->pipeline));
    expect_cookie(REACHED("40")); // or what it has not sent yet would be missed

    OK(checkpoint(REACHED("45")));
    world_crash();
    assert_true(pipeline_doubts(world->pipeline));
    whole_without_cas(REACHED("45")); // no less than before, but less than once
    expect_events("");
    assert_true(pipeline_doubts(world->pipeline));

    OK(say(3, PERSON("cas")));
    OK(checkpoint(REACHED("51"))); // it has come there
    expect_events("");
    whole_without_cas(REACHED("52"));
    expect_events("user.deleted cas");
    assert_false(pipeline_doubts(world->pipeline));
}

static void lag_after_lag_counts_from_the_furthest(void **state)
{
    (void)state;
    load_reached(REACHED("30"));
    whole_without_cas(REACHED("20"));
    OK(checkpoint(REACHED("50")));
    whole_without_cas(REACHED("40")); // past the first mark, but not past the second
    whole_without_cas(REACHED("40"));
    expect_events("");
    assert_true(pipeline_doubts(world->pipeline));
    whole_without_cas(REACHED("50"));
    expect_events("user.deleted cas");
}

// Restored from a backup, and nobody writes: it will never be where it was.
static void restored_provider_is_right_in_the_end(void **state)
{
    (void)state;
    load_reached(REACHED("50"));
    whole_without_cas(REACHED("40"));
    clock_advance_fake(CLOCK_DAY - 1);
    whole_without_cas(REACHED("40"));
    expect_events("");
    clock_advance_fake(1);
    whole_without_cas(REACHED("40"));
    expect_events("user.deleted cas");
    assert_false(pipeline_doubts(world->pipeline));
    clock_advance_fake(1);
    whole_without_cas(REACHED("41")); // and it counts from here
    assert_false(pipeline_doubts(world->pipeline));
}

static void doubt_of_the_source_asks_for_a_whole_read(void **state)
{
    (void)state;
    load_reached(REACHED("50"));
    assert_false(pipeline_doubts(world->pipeline));
    OK(begin(SOURCE_REFRESH_CHANGES));
    OK(end(SOURCE_SWEEP_NO, REACHED("50"), "the list of present entries was not closed"));
    assert_true(pipeline_doubts(world->pipeline));
    OK(begin(SOURCE_REFRESH_CHANGES));
    OK(end(SOURCE_SWEEP_NO, REACHED("51"), NULL)); // says nothing of what was not named
    assert_true(pipeline_doubts(world->pipeline));
    clock_advance_fake(2 * CLOCK_DAY);
    OK(begin(SOURCE_REFRESH_CHANGES)); // however long ago: what the source itself doubts is not believed
    OK(end(SOURCE_SWEEP_NO, REACHED("51"), "the list of present entries was not closed"));
    expect_events("");
    assert_true(pipeline_doubts(world->pipeline));
    whole_without_cas(REACHED("52"));
    expect_events("user.deleted cas");
    assert_false(pipeline_doubts(world->pipeline));
}

// Somebody new under a wider filter may have been there for years; with more attributes only, he is new.
static void wider_view_creates_nobody(void **state)
{
    static const struct {
        const char *change, *events;
    } cases[] = { { "filter = \"(objectClass=*)\"; watch_attributes = \"roomNumber\";", "" },
                  { "filter = \"(cn=*)\"; watch_attributes = \"roomNumber\";", "user.created dee" } };
    for (size_t i = 0; i < 2; i++) {
        if (i > 0) {
            tear_down(state);
            set_up(state);
        }
        world_configure("filter = \"(cn=*)\";", "");
        world_crash();
        load();
        world_configure(cases[i].change, "");
        world_crash();
        expect_cookie(NULL);
        OK(begin(SOURCE_REFRESH_WHOLE));
        OK(say(4, PERSON("dee") ";roomNumber=1"));
        OK(end(SOURCE_SWEEP_UNMENTIONED, "c2", NULL));
        expect_events(cases[i].events);
        OK(say(5, PERSON("eve")));
        OK(checkpoint("c3"));
        expect_events("user.created eve");
    }
}

// An access rule that was lost looks like a directory that was emptied.
static void empty_answer_deletes_nobody(void **state)
{
    (void)state;
    load();
    for (int attempt = 0; attempt < 2; attempt++) {
        OK(begin(SOURCE_REFRESH_WHOLE));
        OK(end(SOURCE_SWEEP_UNMENTIONED, "c2", NULL));
        expect_events("");
        assert_true(pipeline_doubts(world->pipeline));
    }
    clock_advance_fake(CLOCK_DAY);
    OK(begin(SOURCE_REFRESH_WHOLE));
    OK(end(SOURCE_SWEEP_UNMENTIONED, "c2", NULL));
    expect_events("user.deleted ann; user.deleted ben; user.deleted cas; group.deleted staff");
}

static void cookie_that_is_none_is_not_sent(void **state)
{
    (void)state;
    load();
    OK(checkpoint(""));
    expect_cookie(NULL);
}

static void another_source_gets_no_cookie(void **state)
{
    (void)state;
    OK(pipeline_pin(world->pipeline, "syncrepl", &world->err));
    load();
    OK(pipeline_pin(world->pipeline, "syncrepl", &world->err));
    expect_cookie("c1");
    OK(pipeline_pin(world->pipeline, "poll", &world->err));
    expect_cookie(NULL);
    world_crash();
    expect_cookie(NULL);
    whole_without_cas("p1");
    expect_events("user.deleted cas");
}

// --- the change number -----------------------------------------------------------------------------------------------------

static void change_number_is_asked_for_and_not_kept(void **state)
{
    (void)state;
    const struct view *view = pipeline_view(world->pipeline);
    bool asked = false;
    for (size_t i = 0; i < view->attribute_count; i++)
        asked |= strcmp(view->attributes[i], schema_canonical("entryCSN", 8)) == 0;
    assert_true(asked);

    OK(begin(SOURCE_REFRESH_WHOLE));
    OK(say(1, PERSON("ann") ";entryCSN=20260105090001.000000Z#000000#001#000000"));
    OK(end(SOURCE_SWEEP_UNMENTIONED, "c1", NULL));
    struct entry *entry = NULL;
    bool former;
    struct uuid ann = uuid_of(1);
    OK(directory_store_by_uuid(world->store, world, &ann, &entry, &former, &world->err));
    assert_null(entry_attribute(entry, schema_canonical("entryCSN", 8)));
    assert_non_null(entry_attribute(entry, schema_canonical("mail", 4)));

    // A change of what nobody looks at is no difference, neither now nor in a refresh.
    world->progressed = 0;
    OK(begin(SOURCE_REFRESH_CHANGES));
    OK(say(1, PERSON("ann") ";entryCSN=20260105090002.000000Z#000000#001#000000"));
    OK(end(SOURCE_SWEEP_NO, "c2", NULL));
    int for_one = world->progressed;
    OK(say(1, PERSON("ann") ";entryCSN=20260105090003.000000Z#000000#001#000000"));
    OK(checkpoint("c3"));
    expect_events("");
    world->progressed = 0;
    OK(begin(SOURCE_REFRESH_CHANGES));
    OK(end(SOURCE_SWEEP_NO, "c4", NULL));
    assert_int_equal(world->progressed, for_one); // no transaction more than for nothing
}

// --- one entry many times in a batch ---------------------------------------------------------------------------------------

static void added_deleted_and_added_in_one_batch(void **state)
{
    (void)state;
    load();
    OK(say(4, PERSON("dee")));
    OK(say(9, STAFF(ANN DEE)));
    OK(say(9, STAFF(ANN)));
    OK(gone(4));
    OK(say(4, PERSON("dee")));
    OK(say(9, STAFF(ANN DEE)));
    OK(checkpoint("c2"));
    expect_events("user.created dee; group.member.added staff dee; group.member.removed staff dee; "
                  "user.deleted dee; user.created dee; group.member.added staff dee");
    world_crash();
    OK(begin(SOURCE_REFRESH_WHOLE));
    OK(say(1, PERSON("ann")));
    OK(say(2, PERSON("ben")));
    OK(say(3, PERSON("cas")));
    OK(say(4, PERSON("dee")));
    OK(say(9, STAFF(ANN DEE)));
    OK(end(SOURCE_SWEEP_UNMENTIONED, "c3", NULL));
    expect_events(""); // the mirror is what the server has
}

static void recipient_may_come_later_in_the_batch(void **state)
{
    (void)state;
    load();
    OK(say(9, STAFF(ANN DEE)));
    OK(say(9, STAFF(ANN DEE) ";description=Us"));
    OK(say(4, PERSON("dee")));
    OK(checkpoint("c2"));
    expect_events("group.member.added staff dee; group.modified staff; user.created dee");
    expect_outbox(0, "dee@x.example dee@x.example");
}

// Another entry under the name of one that is gone: the news of each are its own.
static void former_entry_of_the_same_name(void **state)
{
    (void)state;
    load();
    OK(gone(3));
    OK(say(13, "cn=cas;objectClass=inetOrgPerson;mail=new@x.example"));
    OK(say(9, STAFF(ANN CAS)));
    OK(checkpoint("c2"));
    expect_events("user.deleted cas; user.created cas; group.member.added staff cas");
    expect_outbox(0, "cas@x.example new@x.example new@x.example");
}

// --- timers ------------------------------------------------------------------------------------------------------------------

static void lock_ends_at_the_very_moment(void **state)
{
    (void)state;
    OK(begin(SOURCE_REFRESH_WHOLE));
    OK(say(2, LOCKED));
    OK(say(8, POLICY));
    OK(end(SOURCE_SWEEP_UNMENTIONED, "c1", NULL));
    int64_t end_of_lock = START + 15 * CLOCK_MINUTE;
    clock_set_fake(end_of_lock - 1);
    OK(pipeline_tick(world->pipeline, clock_now(), &world->err));
    expect_events("");
    // A clock that is set back between the look at it and the work: once, and not for ever.
    OK(pipeline_tick(world->pipeline, end_of_lock, &world->err));
    expect_events("user.unlocked ben");
    assert_int_equal(pipeline_next_timer(world->pipeline), 0);
}

static void timer_that_cannot_be_kept_fires_later(void **state)
{
    (void)state;
    OK(begin(SOURCE_REFRESH_WHOLE));
    OK(say(2, LOCKED));
    OK(say(8, POLICY));
    OK(end(SOURCE_SWEEP_UNMENTIONED, "c1", NULL));
    clock_advance_fake(CLOCK_HOUR);
    store_fails("INSERT ON outbox", "1");
    assert_int_equal(pipeline_tick(world->pipeline, clock_now(), &world->err), -1);
    expect_events("");
    store_works();
    OK(pipeline_tick(world->pipeline, clock_now(), &world->err));
    expect_events("user.unlocked ben");
}

// The policy of a transaction that was rolled back is nobody's policy.
static void policy_that_was_rolled_back_counts_for_nobody(void **state)
{
    (void)state;
    OK(begin(SOURCE_REFRESH_WHOLE));
    OK(say(2, PERSON("ben")));
    OK(say(8, POLICY));
    OK(end(SOURCE_SWEEP_UNMENTIONED, "c1", NULL));
    store_fails("UPDATE ON state", "1");
    OK(say(8, "cn=policy;objectClass=pwdPolicy;pwdLockoutDuration=60"));
    OK(say(2, LOCKED));
    assert_int_equal(checkpoint("c2"), -1);
    store_works();
    pipeline_abort(world->pipeline);
    OK(begin(SOURCE_REFRESH_CHANGES));
    OK(end(SOURCE_SWEEP_NO, "c2", NULL));
    OK(say(2, LOCKED));
    OK(checkpoint("c3"));
    assert_int_equal(pipeline_next_timer(world->pipeline), START + 15 * CLOCK_MINUTE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(batch_fails_and_is_told_once),
        TEST(refresh_fails_half_way_and_is_told_once),
        TEST(breaker_forgets_what_was_rolled_back),
        TEST(storm_that_was_rolled_back_begins_again),
        TEST(lagging_provider_deletes_nobody),
        TEST(lag_after_lag_counts_from_the_furthest),
        TEST(restored_provider_is_right_in_the_end),
        TEST(doubt_of_the_source_asks_for_a_whole_read),
        TEST(wider_view_creates_nobody),
        TEST(empty_answer_deletes_nobody),
        TEST(cookie_that_is_none_is_not_sent),
        TEST(another_source_gets_no_cookie),
        TEST(change_number_is_asked_for_and_not_kept),
        TEST(added_deleted_and_added_in_one_batch),
        TEST(recipient_may_come_later_in_the_batch),
        TEST(former_entry_of_the_same_name),
        TEST(lock_ends_at_the_very_moment),
        TEST(timer_that_cannot_be_kept_fires_later),
        TEST(policy_that_was_rolled_back_counts_for_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "store_fixture.h"

#define A "uid=a,ou=people,dc=x"

static struct directory_event *event_made(struct fixture *f, enum event_type type, const char *group,
                                          const char *member)
{
    struct event_list list = { 0 };
    struct directory_event *event = event_list_add(&list, f, type);
    event->directory = "corp";
    event->time = clock_now();
    event->entry = (struct party){
        .uuid = uuid_of(9), .dn = talloc_asprintf(f, "cn=%s,dc=x", group), .name = group, .is_group = true
    };
    if (member)
        event->party = (struct party){ .uuid = uuid_of(1),
                                       .dn = talloc_asprintf(f, "uid=%s,dc=x", member),
                                       .name = member };
    return event;
}

static int64_t put(struct fixture *f, struct directory_event *event)
{
    assert_done(f, directory_store_put_event(f->store, event, &f->err));
    return event->sequence;
}

static struct notification notification_to(const char *address)
{
    return (struct notification){
        .recipient = { .address = address, .name = "N", .dn = A, .uuid = uuid_of(1), .language = "de" },
        .roles = "member owner",
        .courtesy = true,
        .rule = "r",
        .transport = "t",
        .template_name = "special",
        .language = "fr",
        .digest_wait = 5,
        .expires = 7
    };
}

static struct event_list events(struct fixture *f, struct event_query query)
{
    struct event_list list;
    if (query.limit == 0)
        query.limit = 100;
    assert_done(f, directory_store_events(f->store, f, &query, &list, &f->err));
    return list;
}

static void outbox_rows_come_with_their_event(void **state)
{
    struct fixture *f = *state;
    begin(f);
    int64_t first = put(f, event_made(f, EVENT_GROUP_MEMBER_ADDED, "g", "a"));
    struct notification both[] = { notification_to("a@x"), notification_to("b@x") };
    both[1].recipient.uuid = (struct uuid){ { 0 } };
    both[1].recipient.dn = both[1].recipient.language = both[1].template_name = both[1].language = NULL;
    both[1].courtesy = false;
    assert_done(f, directory_store_put_notifications(f->store, first, both, 2, &f->err));
    int64_t second = put(f, event_made(f, EVENT_GROUP_DELETED, "h", NULL));
    struct notification third = notification_to("c@x");
    assert_done(f, directory_store_put_notifications(f->store, second, &third, 1, &f->err));
    commit(f);
    assert_int_equal(first, 1);
    assert_int_equal(second, 2);
    assert_int_equal(both[1].sequence, both[0].sequence + 1);

    struct outbox_row *rows;
    size_t count;
    assert_done(f, directory_store_outbox(f->store, f, 0, 10, &rows, &count, &f->err));
    assert_int_equal(count, 3);
    assert_ptr_equal(rows[0].event, rows[1].event);
    assert_int_equal(rows[0].event->sequence, first);
    assert_int_equal(rows[0].event->type, EVENT_GROUP_MEMBER_ADDED);
    assert_string_equal(rows[0].event->party.name, "a");
    assert_int_equal(rows[2].event->type, EVENT_GROUP_DELETED);
    const struct notification *read = &rows[0].notification;
    assert_int_equal(read->sequence, both[0].sequence);
    assert_int_equal(read->event_sequence, first);
    assert_int_equal(number_of(&read->recipient.uuid), 1);
    assert_string_equal(read->recipient.dn, A);
    assert_string_equal(read->recipient.name, "N");
    assert_string_equal(read->recipient.address, "a@x");
    assert_string_equal(read->recipient.language, "de");
    assert_string_equal(read->roles, "member owner");
    assert_string_equal(read->rule, "r");
    assert_string_equal(read->transport, "t");
    assert_string_equal(read->template_name, "special");
    assert_string_equal(read->language, "fr");
    assert_true(read->courtesy);
    assert_int_equal(read->digest_wait, 5);
    assert_int_equal(read->expires, 7);
    read = &rows[1].notification;
    assert_true(uuid_is_null(&read->recipient.uuid));
    assert_null(read->recipient.dn);
    assert_null(read->template_name);
    assert_false(read->courtesy);

    assert_done(
        f, directory_store_outbox(f->store, f, rows[0].notification.sequence, 1, &rows, &count, &f->err));
    assert_int_equal(count, 1);
    assert_string_equal(rows[0].notification.recipient.address, "b@x");
    struct mirror_counts counts;
    assert_done(f, directory_store_counts(f->store, &counts, &f->err));
    assert_int_equal(counts.events, 2);
    assert_int_equal(counts.outbox, 3);
    assert_int_equal(counts.last_event, 2);
    assert_int_equal(counts.last_outbox, 3);
}

static void numbers_are_given_once(void **state)
{
    struct fixture *f = *state;
    begin(f);
    put(f, event_made(f, EVENT_GROUP_CREATED, "g", NULL));
    directory_store_rollback(f->store);
    begin(f);
    assert_int_equal(put(f, event_made(f, EVENT_GROUP_CREATED, "g", NULL)), 1);
    commit(f);
    assert_done(f, directory_store_purge(f->store, clock_now() + 1000, INT64_MAX, 100, &f->err));
    assert_int_equal(events(f, (struct event_query){ 0 }).count, 0);
    fixture_reopen(f);
    begin(f);
    assert_int_equal(put(f, event_made(f, EVENT_GROUP_CREATED, "g", NULL)), 2);
    commit(f);
}

static void events_are_found(void **state)
{
    struct fixture *f = *state;
    clock_set_fake(1000000);
    begin(f);
    put(f, event_made(f, EVENT_GROUP_CREATED, "100%_sure", NULL));
    put(f, event_made(f, EVENT_GROUP_MEMBER_ADDED, "g", "Anna"));
    clock_set_fake(2000000);
    put(f, event_made(f, EVENT_USER_LOCKED, "u", NULL));
    commit(f);
    clock_set_fake(0);
    static const struct {
        struct event_query query;
        const char *found;
    } cases[] = {
        { { 0 }, "321" },
        { { .limit = 2 }, "32" },
        { { .before = 3 }, "21" },
        { { .sequence = 2 }, "2" },
        { { .sequence = 8 }, "" },
        { { .pattern = "group.*" }, "21" },
        { { .pattern = "group.*", .limit = 1 }, "2" },
        { { .pattern = "*.added" }, "2" },
        { { .text = "anna" }, "2" },
        { { .text = "cn=g," }, "2" },
        { { .text = "0%_s" }, "1" },
        { { .text = "0_s" }, "" },
        { { .since = 1500000 }, "3" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct event_list list = events(f, cases[i].query);
        char *found = talloc_strdup(f, "");
        for (size_t j = 0; j < list.count; j++)
            found = talloc_asprintf_append(found, "%d", (int)list.items[j]->sequence);
        assert_string_equal(found, cases[i].found);
    }
}

static void decisions_are_kept(void **state)
{
    struct fixture *f = *state;
    begin(f);
    int64_t event = put(f, event_made(f, EVENT_GROUP_CREATED, "g", NULL));
    struct decision made[] = {
        { .rule = "r",
          .role = "owner",
          .recipient = { .uuid = uuid_of(1), .address = "a@x", .dn = A },
          .outcome = DECISION_TOLD },
        { .rule = "s", .role = "", .outcome = DECISION_NO_MATCH, .reason = "It does not fit." },
    };
    assert_done(f, directory_store_put_decisions(f->store, event, made, 2, &f->err));
    commit(f);
    struct decision *decisions;
    size_t count;
    assert_done(f, directory_store_decisions(f->store, f, event, &decisions, &count, &f->err));
    assert_int_equal(count, 2);
    assert_int_equal(decisions[0].outcome, DECISION_TOLD);
    assert_string_equal(decisions[0].recipient.address, "a@x");
    assert_int_equal(number_of(&decisions[0].recipient.uuid), 1);
    assert_null(decisions[0].reason);
    assert_string_equal(decisions[1].rule, "s");
    assert_string_equal(decisions[1].reason, "It does not fit.");
    assert_done(f, directory_store_decisions(f->store, f, event + 1, &decisions, &count, &f->err));
    assert_int_equal(count, 0);
}

// --- timers --------------------------------------------------------------------------------------

static void set_timer(struct fixture *f, int number, int64_t due)
{
    struct timer timer = { .due = due, .entry = uuid_of(number), .kind = TIMER_LOCK_EXPIRY };
    begin(f);
    assert_done(f, directory_store_set_timer(f->store, &timer, &f->err));
    commit(f);
}

static int next_timer(struct fixture *f, int64_t *due)
{
    struct timer timer;
    assert_done(f, directory_store_next_timer(f->store, &timer, &f->err));
    *due = timer.due;
    return number_of(&timer.entry);
}

static void timers_are_set_moved_and_removed(void **state)
{
    struct fixture *f = *state;
    int64_t due;
    next_timer(f, &due);
    assert_int_equal(due, 0);
    set_timer(f, 1, 500);
    set_timer(f, 2, 300);
    assert_int_equal(next_timer(f, &due), 2);
    assert_int_equal(due, 300);
    set_timer(f, 2, 900);
    assert_int_equal(next_timer(f, &due), 1);
    set_timer(f, 1, 0);
    assert_int_equal(next_timer(f, &due), 2);
    assert_int_equal(due, 900);
}

static bool lock_expired(struct fixture *f, int number)
{
    struct uuid uuid = uuid_of(number);
    bool expired;
    assert_done(f, directory_store_lock_expired(f->store, &uuid, &expired, &f->err));
    return expired;
}

static void timers_and_flags_go_with_their_entry(void **state)
{
    struct fixture *f = *state;
    int64_t due;
    struct uuid uuid = uuid_of(1);
    applied(f, user_of(f, 1, "a"));
    set_timer(f, 1, 500);
    begin(f);
    for (int i = 0; i < 2; i++)
        assert_done(f, directory_store_set_lock_expired(f->store, &uuid, true, &f->err));
    commit(f);
    assert_true(lock_expired(f, 1));
    assert_false(lock_expired(f, 2));
    deleted(f, 1);
    assert_false(lock_expired(f, 1));
    next_timer(f, &due);
    assert_int_equal(due, 0);
}

// --- storms --------------------------------------------------------------------------------------

static struct storm open_storm(struct fixture *f, const char *rule)
{
    struct storm storm;
    assert_done(f, directory_store_open_storm(f->store, f, rule, &storm, &f->err));
    return storm;
}

static size_t held(struct fixture *f, int64_t storm, int64_t after, size_t limit)
{
    struct event_list list;
    assert_done(f, directory_store_held(f->store, f, storm, after, limit, &list, &f->err));
    return list.count;
}

static void storms_hold_and_let_go(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(open_storm(f, "r").id, 0);
    struct storm storm = { .rule = "r", .opened = 10 };
    begin(f);
    assert_done(f, directory_store_begin_storm(f->store, &storm, &f->err));
    for (int i = 0; i < 5; i++)
        assert_done(f, directory_store_hold(f->store, storm.id,
                                            put(f, event_made(f, EVENT_USER_CREATED, "u", NULL)), 3, 20 + i,
                                            &f->err));
    assert_done(f, directory_store_hold(f->store, storm.id, 5, 3, 99, &f->err)); // twice is once
    commit(f);
    struct storm found = open_storm(f, "r");
    assert_int_equal(found.id, storm.id);
    assert_int_equal(found.events, 5);
    assert_int_equal(found.notifications, 15);
    assert_int_equal(found.first_event, 1);
    assert_int_equal(found.last_event, 5);
    assert_int_equal(found.last, 24);
    assert_int_equal(open_storm(f, "other").id, 0);
    assert_int_equal(held(f, storm.id, 0, 3), 3);
    assert_int_equal(held(f, storm.id, 3, 100), 2);
    // What a storm holds is not purged, however old.
    assert_done(f, directory_store_purge(f->store, clock_now() + 1000, INT64_MAX, 100, &f->err));
    assert_int_equal(held(f, storm.id, 0, 100), 5);
    begin(f);
    assert_done(f, directory_store_unhold(f->store, storm.id, 3, &f->err));
    commit(f);
    assert_int_equal(held(f, storm.id, 0, 100), 2);
    begin(f);
    assert_done(f, directory_store_end_storm(f->store, storm.id, STORM_RELEASED, "admin", 77, &f->err));
    commit(f);
    assert_int_equal(held(f, storm.id, 0, 100), 0);
    assert_int_equal(open_storm(f, "r").id, 0);
    struct storm *storms;
    size_t count;
    assert_done(f, directory_store_storms(f->store, f, &storms, &count, &f->err));
    assert_int_equal(count, 1);
    assert_int_equal(storms[0].state, STORM_RELEASED);
    assert_int_equal(storms[0].closed, 77);
    assert_string_equal(storms[0].closed_by, "admin");
    assert_done(f, directory_store_purge(f->store, clock_now() + 1000, INT64_MAX, 100, &f->err));
    assert_int_equal(events(f, (struct event_query){ 0 }).count, 0);
    assert_done(f, directory_store_storms(f->store, f, &storms, &count, &f->err));
    assert_int_equal(count, 0);
}

// --- purging -------------------------------------------------------------------------------------

static void purge_keeps_what_is_wanted(void **state)
{
    struct fixture *f = *state;
    struct mirror_counts counts;
    clock_set_fake(1000);
    begin(f);
    for (int i = 0; i < 10; i++) {
        int64_t event = put(f, event_made(f, EVENT_USER_CREATED, "u", NULL));
        struct notification notification = notification_to("a@x");
        struct decision decision = { .rule = "r", .role = "", .outcome = DECISION_TOLD };
        assert_done(f, directory_store_put_notifications(f->store, event, &notification, 1, &f->err));
        assert_done(f, directory_store_put_decisions(f->store, event, &decision, 1, &f->err));
    }
    commit(f);
    clock_set_fake(5000);
    begin(f);
    put(f, event_made(f, EVENT_USER_CREATED, "u", NULL));
    commit(f);
    clock_set_fake(0);
    assert_done(f, directory_store_purge(f->store, 1000, INT64_MAX, 100, &f->err)); // nothing is older
    assert_done(f, directory_store_counts(f->store, &counts, &f->err));
    assert_int_equal(counts.events, 11);
    assert_done(f, directory_store_purge(f->store, 2000, 4, 100, &f->err)); // four were imported
    assert_done(f, directory_store_counts(f->store, &counts, &f->err));
    assert_int_equal(counts.events, 7);
    assert_int_equal(counts.outbox, 6);
    assert_done(f, directory_store_purge(f->store, 2000, INT64_MAX, 2, &f->err)); // two at a time
    assert_done(f, directory_store_counts(f->store, &counts, &f->err));
    assert_int_equal(counts.events, 5);
    assert_done(f, directory_store_purge(f->store, 2000, INT64_MAX, 100, &f->err));
    assert_int_equal(events(f, (struct event_query){ 0 }).count, 1);
    struct decision *decisions;
    size_t count;
    assert_done(f, directory_store_decisions(f->store, f, 7, &decisions, &count, &f->err));
    assert_int_equal(count, 0);
    fixture_reopen(f);
    assert_done(f, directory_store_counts(f->store, &counts, &f->err));
    assert_int_equal(counts.events, 1);
    assert_int_equal(counts.outbox, 0);
}

static void purged_entry_leaves_its_name_to_groups(void **state)
{
    struct fixture *f = *state;
    const char *old = "uid=old,ou=people,dc=x";
    applied(f, user_of(f, 1, "old"));
    applied(f, group_of(f, 8, "g", old, NULL));
    applied(f, user_of(f, 1, "a"));
    applied(f, group_of(f, 9, "h", A, NULL));
    deleted(f, 1);
    assert_string_equal(links_text(f, 8), "member=" A "[1]"); // by its last name
    assert_done(f, directory_store_purge(f->store, clock_now() + 1000, INT64_MAX, 100, &f->err));
    assert_string_equal(found_by_number(f, 1), "none");
    assert_string_equal(found_by_dn(f, A), "none");
    assert_string_equal(found_by_dn(f, old), "none");
    assert_string_equal(links_text(f, 8), "member=uid=old,ou=people,dc=x[-]");
    assert_string_equal(links_text(f, 9), "member=" A "[-]");
    // Texts go with the last link.
    applied(f, group_of(f, 8, "g", NULL));
    applied(f, group_of(f, 9, "h", NULL));
    assert_done(f, directory_store_purge(f->store, 1, 0, 1, &f->err));
    assert_done(f, directory_store_purge(f->store, 1, 0, 10, &f->err));
    assert_done(f, directory_store_purge(f->store, 1, 0, 10, &f->err));
    assert_string_equal(applied(f, group_of(f, 8, "g", A, NULL)), "changed +member=" A "[-]");
    directory_store_close(f->store);
    f->store = NULL;
    file_sql(f->path, "INSERT INTO outside SELECT -1, 'probe' WHERE (SELECT count(*) FROM outside) = 1; "
                      "UPDATE state SET cookie = (SELECT count(*) FROM outside)");
    assert_done(f, directory_store_open(f, f->path, "corp", STORE_WRITE, &f->store, &f->err));
    struct source_state *source;
    assert_done(f, directory_store_state(f->store, f, &source, &f->err));
    assert_string_equal(source->cookie, "2");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(outbox_rows_come_with_their_event),
        TEST(numbers_are_given_once),
        TEST(events_are_found),
        TEST(decisions_are_kept),
        TEST(timers_are_set_moved_and_removed),
        TEST(timers_and_flags_go_with_their_entry),
        TEST(storms_hold_and_let_go),
        TEST(purge_keeps_what_is_wanted),
        TEST(purged_entry_leaves_its_name_to_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

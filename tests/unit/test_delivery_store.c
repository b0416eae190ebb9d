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

struct deliveries {
    struct fixture *f;
    struct delivery_store *store;
    int64_t sequence; // of the outbox
    int64_t event;
};

static int setup(void **state)
{
    if (fixture_setup(state) < 0)
        return -1;
    struct fixture *f = *state;
    struct deliveries *d = talloc_zero(f, struct deliveries);
    d->f = f;
    *state = d;
    return delivery_store_open(d, f->delivery_path, STORE_WRITE, &d->store, &f->err);
}

static int teardown(void **state)
{
    struct deliveries *d = *state;
    void *fixture = d->f;
    delivery_store_close(d->store);
    clock_set_fake(0);
    return fixture_teardown(&fixture);
}

static void reopen(struct deliveries *d)
{
    delivery_store_close(d->store);
    d->store = NULL;
    assert_done(d->f, delivery_store_open(d, d->f->delivery_path, STORE_WRITE, &d->store, &d->f->err));
}

// What a waiting notification is about; 0 and NULL have their defaults.
struct about {
    enum event_type type;
    int entry, party; // numbers of entries; party -1: none
    const char *to;   // address
    int uuid;         // of the recipient, 0: only an address
    const char *transport, *directory;
    int64_t due, digest_wait;
};

static struct waiting *imported(struct deliveries *d, struct about about)
{
    struct fixture *f = d->f;
    struct waiting *waiting = talloc_zero(d, struct waiting);
    struct event_list list = { 0 };
    struct directory_event *event = waiting->event = event_list_add(&list, waiting, about.type);
    waiting->directory = event->directory = about.directory ? about.directory : "corp";
    event->sequence = ++d->event;
    event->time = 5;
    event->entry = (struct party){
        .uuid = uuid_of(about.entry ? about.entry : 9), .dn = "cn=g,dc=x", .name = "g", .is_group = true
    };
    if (about.party >= 0)
        event->party =
            (struct party){ .uuid = uuid_of(about.party ? about.party : 1), .dn = "uid=a,dc=x", .name = "a" };
    waiting->due = about.due;
    waiting->notification =
        (struct notification){ .sequence = ++d->sequence,
                               .event_sequence = event->sequence,
                               .recipient = { .address = about.to ? about.to : "a@x", .name = "A" },
                               .roles = "member",
                               .courtesy = true,
                               .rule = "r",
                               .transport = about.transport ? about.transport : "default",
                               .digest_wait = about.digest_wait };
    if (about.uuid)
        waiting->notification.recipient.uuid = uuid_of(about.uuid);
    assert_done(f, delivery_store_begin(d->store, &f->err));
    assert_done(f, delivery_store_import(d->store, waiting, &f->err));
    assert_done(f, delivery_store_commit(d->store, &f->err));
    assert_true(waiting->id > 0);
    return waiting;
}

static const char *ids_text(struct deliveries *d, const struct waiting *list, size_t count)
{
    char *text = talloc_strdup(d, "");
    for (size_t i = 0; i < count; i++)
        text = talloc_asprintf_append(text, "%s%d", i ? " " : "", (int)list[i].id);
    return text;
}

// --- import --------------------------------------------------------------------------------------

static void import_moves_the_cursor(void **state)
{
    struct deliveries *d = *state;
    struct fixture *f = d->f;
    int64_t cursor;
    assert_done(f, delivery_store_cursor(d->store, "corp", &cursor, &f->err));
    assert_int_equal(cursor, 0);
    struct waiting *waiting = imported(d, (struct about){ .type = EVENT_GROUP_MEMBER_ADDED });
    imported(d, (struct about){ .type = EVENT_GROUP_MEMBER_ADDED });
    assert_done(f, delivery_store_cursor(d->store, "corp", &cursor, &f->err));
    assert_int_equal(cursor, 2);
    assert_done(f, delivery_store_cursor(d->store, "other", &cursor, &f->err));
    assert_int_equal(cursor, 0);
    // Nothing is taken twice.
    assert_done(f, delivery_store_begin(d->store, &f->err));
    assert_int_equal(delivery_store_import(d->store, waiting, &f->err), -1);
    assert_int_equal(f->err.code, STORE_CONFLICT);
    delivery_store_rollback(d->store);
    // What was not committed is imported again.
    waiting->notification.sequence = 3;
    assert_done(f, delivery_store_begin(d->store, &f->err));
    assert_done(f, delivery_store_import(d->store, waiting, &f->err));
    delivery_store_rollback(d->store);
    reopen(d);
    assert_done(f, delivery_store_cursor(d->store, "corp", &cursor, &f->err));
    assert_int_equal(cursor, 2);
    assert_done(f, delivery_store_set_cursor(d->store, "corp", 0, &f->err));
    assert_done(f, delivery_store_cursor(d->store, "corp", &cursor, &f->err));
    assert_int_equal(cursor, 0);
}

// --- opposites -----------------------------------------------------------------------------------

static void opposites_are_found(void **state)
{
    struct deliveries *d = *state;
    struct fixture *f = d->f;
    static const struct {
        struct about earlier;
        bool opposite;
    } cases[] = {
        { { .type = EVENT_GROUP_MEMBER_ADDED, .uuid = 3 }, true },
        { { .type = EVENT_GROUP_MEMBER_ADDED, .uuid = 3, .to = "moved@x" }, true }, // the same person
        { { .type = EVENT_GROUP_MEMBER_REMOVED, .uuid = 3 }, false },
        { { .type = EVENT_GROUP_OWNER_ADDED, .uuid = 3 }, false },
        { { .type = EVENT_GROUP_MEMBER_ADDED, .uuid = 4 }, false },
        { { .type = EVENT_GROUP_MEMBER_ADDED }, false },
        { { .type = EVENT_GROUP_MEMBER_ADDED, .uuid = 3, .entry = 8 }, false },
        { { .type = EVENT_GROUP_MEMBER_ADDED, .uuid = 3, .party = 2 }, false },
        { { .type = EVENT_GROUP_MEMBER_ADDED, .uuid = 3, .directory = "other" }, false },
    };
    char *want = talloc_strdup(d, "");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct waiting *earlier = imported(d, cases[i].earlier);
        if (cases[i].opposite)
            want = talloc_asprintf(d, "%d%s%s", (int)earlier->id, *want ? " " : "", want); // newest first
    }
    struct waiting *later = imported(d, (struct about){ .type = EVENT_GROUP_MEMBER_REMOVED, .uuid = 3 }),
                   *found;
    size_t count;
    assert_done(f, delivery_store_opposites(d->store, d, later, &found, &count, &f->err));
    assert_string_equal(ids_text(d, found, count), want);
    assert_int_equal(found[0].event->type, EVENT_GROUP_MEMBER_ADDED);
    // Only what still waits.
    assert_done(f,
                delivery_store_set_state(d->store, found[0].id, NOTIFICATION_CANCELLED, "undone", &f->err));
    assert_done(f, delivery_store_opposites(d->store, d, later, &found, &count, &f->err));
    assert_int_equal(count, 1);
    assert_done(f,
                delivery_store_set_state(d->store, found[0].id, NOTIFICATION_DROPPED, "no address", &f->err));
    assert_done(f, delivery_store_opposites(d->store, d, later, &found, &count, &f->err));
    assert_int_equal(count, 0);
}

static void opposites_without_party_and_by_address(void **state)
{
    struct deliveries *d = *state;
    struct fixture *f = d->f;
    struct waiting *disabled =
        imported(d, (struct about){ .type = EVENT_USER_DISABLED, .party = -1, .to = "a@x" });
    imported(d, (struct about){ .type = EVENT_USER_DISABLED, .party = -1, .to = "b@x" });
    struct waiting *enabled =
                       imported(d, (struct about){ .type = EVENT_USER_ENABLED, .party = -1, .to = "a@x" }),
                   *found;
    size_t count;
    assert_done(f, delivery_store_opposites(d->store, d, enabled, &found, &count, &f->err));
    assert_int_equal(count, 1);
    assert_int_equal(found[0].id, disabled->id);
    struct waiting *modified = imported(d, (struct about){ .type = EVENT_USER_MODIFIED, .party = -1 });
    assert_done(f, delivery_store_opposites(d->store, d, modified, &found, &count, &f->err));
    assert_int_equal(count, 0);
}

// --- bundles -------------------------------------------------------------------------------------

static const char *bundle(struct deliveries *d, int64_t now, size_t limit)
{
    struct waiting *list;
    size_t count;
    assert_done(d->f, delivery_store_bundle(d->store, d, now, limit, &list, &count, &d->f->err));
    return ids_text(d, list, count);
}

static void bundles_gather_what_belongs_together(void **state)
{
    struct deliveries *d = *state;
    struct fixture *f = d->f;
    int64_t due;
    assert_done(f, delivery_store_next_due(d->store, &due, &f->err));
    assert_int_equal(due, 0);
    assert_string_equal(bundle(d, 1000, 10), "");
    enum event_type added = EVENT_GROUP_MEMBER_ADDED;
    imported(d, (struct about){ .type = added, .uuid = 3, .due = 300, .digest_wait = 300 }); // 1
    imported(d, (struct about){ .type = added, .uuid = 3, .due = 200, .digest_wait = 100 }); // 2
    imported(d, (struct about){
                    .type = added, .uuid = 3, .due = 900, .digest_wait = 500, .transport = "fax" }); // 3
    imported(d, (struct about){ .type = added, .uuid = 4, .due = 900, .digest_wait = 500 });         // 4
    imported(d, (struct about){ .type = added, .uuid = 3, .due = 150, .digest_wait = 0 });           // 5
    imported(d, (struct about){
                    .type = added, .uuid = 3, .due = 900, .digest_wait = 500, .directory = "other" }); // 6
    imported(
        d, (struct about){ .type = added, .uuid = 3, .due = 950, .digest_wait = 500, .to = "moved@x" }); // 7
    assert_done(f, delivery_store_next_due(d->store, &due, &f->err));
    assert_int_equal(due, 150);
    assert_string_equal(bundle(d, 149, 10), "");
    assert_string_equal(bundle(d, 150, 10), "5"); // alone: it was not to wait
    assert_done(f, delivery_store_set_state(d->store, 5, NOTIFICATION_DROPPED, "too old", &f->err));
    assert_string_equal(bundle(d, 150, 10), "");
    assert_string_equal(bundle(d, 200, 10), "1 2 7");
    assert_string_equal(bundle(d, 200, 2), "1 2");
    struct waiting *list;
    size_t count;
    assert_done(f, delivery_store_fold(d->store, 2, &f->err));
    assert_done(f, delivery_store_bundle(d->store, d, 200, 10, &list, &count, &f->err));
    assert_false(list[0].folded);
    assert_true(list[1].folded);
    assert_int_equal(list[1].due, 200);
    assert_string_equal(list[0].directory, "corp");
    assert_int_equal(list[0].notification.event_sequence, 1);
    assert_int_equal(list[0].event->sequence, 1);
    assert_string_equal(list[0].event->party.name, "a");
    assert_int_equal(number_of(&list[0].notification.recipient.uuid), 3);
    struct message message = {
        .directory = "corp", .transport = "default", .recipient = "a@x", .message_id = "<1@x>"
    };
    assert_done(f, delivery_store_begin(d->store, &f->err));
    assert_done(f, delivery_store_freeze(d->store, &message, list, count, &f->err));
    assert_done(f, delivery_store_commit(d->store, &f->err));
    assert_string_equal(bundle(d, 10000, 10), "3");
    // Frozen once.
    assert_done(f, delivery_store_begin(d->store, &f->err));
    assert_int_equal(delivery_store_freeze(d->store, &message, list, 1, &f->err), -1);
    assert_int_equal(f->err.code, STORE_CONFLICT);
    delivery_store_rollback(d->store);
}

// --- messages ------------------------------------------------------------------------------------

static int64_t frozen(struct deliveries *d, const char *transport, const char *recipient, int64_t created,
                      int64_t next_attempt)
{
    struct fixture *f = d->f;
    struct waiting *waiting =
        imported(d, (struct about){ .type = EVENT_GROUP_MEMBER_ADDED, .to = recipient });
    struct message message = { .state = MESSAGE_QUEUED,
                               .directory = "corp",
                               .transport = transport,
                               .recipient = recipient,
                               .recipient_name = "Name",
                               .intended = "intended@x",
                               .envelope_from = "",
                               .message_id = "<m@x>",
                               .subject = "S",
                               .bytes = (const uint8_t *)"a\0b\r\n",
                               .length = 5,
                               .created = created,
                               .expires = created + 1000,
                               .next_attempt = next_attempt };
    assert_done(f, delivery_store_begin(d->store, &f->err));
    assert_done(f, delivery_store_freeze(d->store, &message, waiting, 1, &f->err));
    assert_done(f, delivery_store_commit(d->store, &f->err));
    return message.id;
}

static struct message *claim(struct deliveries *d, const char *transport, int64_t now, size_t limit,
                             const char *want)
{
    struct message *messages;
    size_t count;
    assert_done(d->f, delivery_store_claim(d->store, d, transport, now, now + 100, limit, &messages, &count,
                                           &d->f->err));
    char *text = talloc_strdup(d, "");
    for (size_t i = 0; i < count; i++)
        text = talloc_asprintf_append(text, "%s%d", i ? " " : "", (int)messages[i].id);
    assert_string_equal(text, want);
    return messages;
}

static struct message *listed(struct deliveries *d, struct message_query query, const char *want)
{
    struct message *messages;
    size_t count;
    assert_done(d->f, delivery_store_messages(d->store, d, &query, &messages, &count, &d->f->err));
    char *text = talloc_strdup(d, "");
    for (size_t i = 0; i < count; i++)
        text = talloc_asprintf_append(text, "%s%d", i ? " " : "", (int)messages[i].id);
    assert_string_equal(text, want);
    return messages;
}

static void record(struct deliveries *d, int64_t id, enum message_state result, int64_t next_attempt,
                   int64_t finished)
{
    struct message message = { .id = id,
                               .state = result,
                               .attempts = 1,
                               .next_attempt = next_attempt,
                               .code = 250,
                               .reply = "ok",
                               .host = "relay",
                               .finished = finished };
    assert_done(d->f, delivery_store_record(d->store, &message, 1, &d->f->err));
}

static void messages_are_claimed_once(void **state)
{
    struct deliveries *d = *state;
    struct fixture *f = d->f;
    int64_t when;
    frozen(d, "default", "a@x", 10, 50);
    frozen(d, "default", "b@x", 20, 40);
    frozen(d, "other", "c@x", 30, 30);
    frozen(d, "default", "d@x", 40, 500);
    assert_done(f, delivery_store_next_attempt(d->store, "default", &when, &f->err));
    assert_int_equal(when, 40);
    assert_done(f, delivery_store_next_attempt(d->store, NULL, &when, &f->err));
    assert_int_equal(when, 30);
    assert_done(f, delivery_store_next_attempt(d->store, "none", &when, &f->err));
    assert_int_equal(when, 0);
    claim(d, "default", 39, 10, "");
    struct message *messages = claim(d, "default", 100, 1, "2");
    assert_int_equal(messages[0].length, 5);
    assert_memory_equal(messages[0].bytes, "a\0b\r\n", 5);
    assert_int_equal(messages[0].state, MESSAGE_LEASED);
    assert_int_equal(messages[0].lease_until, 200);
    assert_string_equal(messages[0].recipient, "b@x");
    assert_string_equal(messages[0].intended, "intended@x");
    assert_string_equal(messages[0].envelope_from, "");
    assert_null(messages[0].reply);
    claim(d, NULL, 100, 10, "3 1");
    claim(d, NULL, 100, 10, "");
    // A lease that ran out is anybody's again.
    claim(d, "default", 200, 10, "1 2");
    record(d, 1, MESSAGE_SENT, 0, 210);
    record(d, 2, MESSAGE_QUEUED, 900, 0);
    reopen(d);
    assert_done(f, delivery_store_recover(d->store, &f->err));
    claim(d, NULL, 600, 10, "3 4");
    claim(d, NULL, 900, 10, "3 4 2");
    messages = listed(d, (struct message_query){ .id = 1, .state = -1 }, "1");
    assert_int_equal(messages[0].state, MESSAGE_SENT);
    assert_int_equal(messages[0].finished, 210);
    assert_int_equal(messages[0].code, 250);
    assert_string_equal(messages[0].reply, "ok");
    assert_string_equal(messages[0].host, "relay");
    assert_null(messages[0].bytes);
    // A result that comes when somebody else has the message already is not believed.
    record(d, 1, MESSAGE_DEAD, 0, 999);
    assert_int_equal(listed(d, (struct message_query){ .id = 1, .state = -1 }, "1")->state, MESSAGE_SENT);
}

static void queue_is_listed(void **state)
{
    struct deliveries *d = *state;
    for (int i = 1; i <= 6; i++)
        frozen(d, "default", talloc_asprintf(d, "user%d@example.org", i), i, i);
    claim(d, NULL, 2, 10, "1 2");
    record(d, 1, MESSAGE_DEAD, 0, 7);
    static const struct {
        struct message_query query;
        const char *found;
    } cases[] = {
        { { .state = -1 }, "6 5 4 3 2 1" },
        { { .state = -1, .limit = 2 }, "6 5" },
        { { .state = -1, .limit = 2, .before = 5 }, "4 3" },
        { { .state = MESSAGE_QUEUED }, "6 5 4 3" },
        { { .state = MESSAGE_DEAD }, "1" },
        { { .state = MESSAGE_LEASED, .before = 2 }, "" },
        { { .state = -1, .recipient = "SER3@" }, "3" },
        { { .state = -1, .recipient = "user_" }, "" },
        { { .state = -1, .directory = "other" }, "" },
        { { .state = -1, .directory = "corp", .event = 4 }, "4" },
        { { .state = MESSAGE_DEAD, .directory = "corp", .event = 4 }, "" },
        { { .id = 5, .state = -1 }, "5" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        listed(d, cases[i].query, cases[i].found);
    struct message *message = listed(d, (struct message_query){ .id = 5, .state = -1, .bytes = true }, "5");
    assert_int_equal(message->length, 5);
}

static void events_and_messages_know_each_other(void **state)
{
    struct deliveries *d = *state;
    struct fixture *f = d->f;
    int64_t message = frozen(d, "default", "a@x", 10, 50);
    struct waiting *waiting =
        imported(d, (struct about){ .type = EVENT_USER_LOCKED, .party = -1, .due = 77 });
    assert_done(f, delivery_store_set_state(d->store, waiting->id, NOTIFICATION_DROPPED,
                                            "no address any more", &f->err));
    struct event_list list;
    assert_done(f, delivery_store_events_of(d->store, d, message, &list, &f->err));
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0]->sequence, 1);
    assert_int_equal(list.items[0]->type, EVENT_GROUP_MEMBER_ADDED);
    struct delivery_row *rows;
    size_t count;
    assert_done(f, delivery_store_of_event(d->store, d, "corp", 1, &rows, &count, &f->err));
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].state, NOTIFICATION_FROZEN);
    assert_int_equal(rows[0].message.id, message);
    assert_string_equal(rows[0].message.recipient, "a@x");
    assert_string_equal(rows[0].roles, "member");
    assert_done(f, delivery_store_of_event(d->store, d, "corp", 2, &rows, &count, &f->err));
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].message.id, 0);
    assert_int_equal(rows[0].state, NOTIFICATION_DROPPED);
    assert_int_equal(rows[0].due, 77);
    assert_string_equal(rows[0].reason, "no address any more");
}

// --- the administrator's hand --------------------------------------------------------------------

static int64_t act(struct deliveries *d, enum message_action action, struct message_query which, int64_t now)
{
    int64_t changed;
    assert_done(d->f, delivery_store_act(d->store, action, &which, "uid 0", now, &changed, &d->f->err));
    return changed;
}

static void administrator_acts(void **state)
{
    struct deliveries *d = *state;
    struct fixture *f = d->f;
    for (int i = 0; i < 4; i++)
        frozen(d, "default", "a@x", 100, 100);
    claim(d, NULL, 100, 3, "1 2 3");
    record(d, 1, MESSAGE_SENT, 0, 150);
    record(d, 2, MESSAGE_DEAD, 0, 150);
    // 1 sent, 2 dead, 3 leased, 4 queued
    struct message_query all = { .state = -1 };
    assert_int_equal(act(d, MESSAGE_HOLD, all, 200), 1);
    assert_int_equal(act(d, MESSAGE_HOLD, all, 200), 0);
    listed(d, (struct message_query){ .state = MESSAGE_HELD }, "4");
    claim(d, NULL, 150, 10, "");
    assert_int_equal(act(d, MESSAGE_RELEASE, all, 200), 1);
    listed(d, (struct message_query){ .state = MESSAGE_QUEUED }, "4");
    assert_int_equal(act(d, MESSAGE_RETRY, (struct message_query){ .state = MESSAGE_DEAD }, 5000), 1);
    struct message *again = listed(d, (struct message_query){ .id = 2, .state = -1 }, "2");
    assert_int_equal(again->state, MESSAGE_QUEUED);
    assert_int_equal(again->next_attempt, 5000);
    assert_int_equal(again->attempts, 0);
    assert_int_equal(again->expires, 6000);
    assert_int_equal(again->finished, 0);
    assert_int_equal(act(d, MESSAGE_RETRY, (struct message_query){ .id = 1, .state = -1 }, 5000), 0);
    assert_int_equal(act(d, MESSAGE_DELETE, all, 6000), 3);
    listed(d, all, "3");
    struct delivery_row *rows;
    size_t count;
    assert_done(f, delivery_store_of_event(d->store, d, "corp", 2, &rows, &count, &f->err));
    assert_int_equal(rows[0].state, NOTIFICATION_DROPPED);
    assert_int_equal(rows[0].message.id, 0);
    assert_non_null(strstr(rows[0].reason, "uid 0"));
    struct message_action_row *actions;
    assert_done(f, delivery_store_actions(d->store, d, 100, &actions, &count, &f->err));
    assert_int_equal(count, 6);
    assert_string_equal(actions[0].action, "delete");
    assert_string_equal(actions[0].who, "uid 0");
    assert_int_equal(actions[0].time, 6000);
    assert_string_equal(actions[5].action, "hold");
    assert_int_equal(actions[5].message, 4);
}

static void everything_is_counted(void **state)
{
    struct deliveries *d = *state;
    struct fixture *f = d->f;
    struct delivery_counts counts;
    assert_done(f, delivery_store_counts(d->store, &counts, &f->err));
    assert_int_equal(counts.waiting, 0);
    assert_int_equal(counts.oldest_queued, 0);
    for (int i = 0; i < 5; i++)
        frozen(d, "default", "a@x", 100 + i, 100);
    claim(d, NULL, 100, 2, "1 2");
    record(d, 1, MESSAGE_SENT, 0, 150);
    imported(d, (struct about){ .type = EVENT_GROUP_MEMBER_ADDED });
    struct waiting *dropped = imported(d, (struct about){ .type = EVENT_GROUP_MEMBER_ADDED });
    assert_done(f, delivery_store_set_state(d->store, dropped->id, NOTIFICATION_DROPPED, "x", &f->err));
    assert_done(f, delivery_store_counts(d->store, &counts, &f->err));
    assert_int_equal(counts.waiting, 1);
    assert_int_equal(counts.dropped, 1);
    assert_int_equal(counts.cancelled, 0);
    assert_int_equal(counts.messages[MESSAGE_QUEUED], 3);
    assert_int_equal(counts.messages[MESSAGE_LEASED], 1);
    assert_int_equal(counts.messages[MESSAGE_SENT], 1);
    assert_int_equal(counts.oldest_queued, 102);
}

static void old_things_are_purged(void **state)
{
    struct deliveries *d = *state;
    struct fixture *f = d->f;
    clock_set_fake(50);
    for (int i = 0; i < 4; i++)
        frozen(d, "default", "a@x", 100, 100);
    struct waiting *dropped = imported(d, (struct about){ .type = EVENT_GROUP_MEMBER_ADDED });
    assert_done(f, delivery_store_set_state(d->store, dropped->id, NOTIFICATION_DROPPED, "x", &f->err));
    imported(d, (struct about){ .type = EVENT_GROUP_MEMBER_ADDED, .due = 3 });
    claim(d, NULL, 100, 3, "1 2 3");
    record(d, 1, MESSAGE_SENT, 0, 150);
    record(d, 2, MESSAGE_SENT, 0, 950);
    act(d, MESSAGE_HOLD, (struct message_query){ .id = 4, .state = -1 }, 60);
    assert_done(f, delivery_store_purge(d->store, 50, 100, &f->err));
    listed(d, (struct message_query){ .state = -1 }, "4 3 2 1");
    assert_done(f, delivery_store_purge(d->store, 500, 1, &f->err));
    assert_done(f, delivery_store_purge(d->store, 500, 100, &f->err));
    listed(d, (struct message_query){ .state = -1 }, "4 3 2");
    static const int64_t want[] = { 0, 1, 1, 1, 0, 1 }; // rows of events 1 to 6
    for (int event = 1; event <= 6; event++) {
        struct delivery_row *rows;
        size_t count;
        assert_done(f, delivery_store_of_event(d->store, d, "corp", event, &rows, &count, &f->err));
        assert_int_equal(count, want[event - 1]);
    }
    size_t count;
    struct message_action_row *actions;
    assert_done(f, delivery_store_actions(d->store, d, 100, &actions, &count, &f->err));
    assert_int_equal(count, 0);
    struct waiting *list;
    assert_done(f, delivery_store_bundle(d->store, d, 3, 10, &list, &count, &f->err));
    assert_int_equal(count, 1);
    assert_int_equal(list[0].event->sequence, 6);
}

static void states_have_names(void **state)
{
    (void)state;
    for (int i = 0; i < MESSAGE_STATE_COUNT; i++)
        assert_int_equal(message_state_from_name(message_state_name((enum message_state)i)), i);
    assert_int_equal(message_state_from_name("lost"), -1);
    assert_string_equal(notification_state_name(NOTIFICATION_DROPPED), "dropped");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(import_moves_the_cursor),
        TEST(opposites_are_found),
        TEST(opposites_without_party_and_by_address),
        TEST(bundles_gather_what_belongs_together),
        TEST(messages_are_claimed_once),
        TEST(queue_is_listed),
        TEST(events_and_messages_know_each_other),
        TEST(administrator_acts),
        TEST(everything_is_counted),
        TEST(old_things_are_purged),
        cmocka_unit_test(states_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

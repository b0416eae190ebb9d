// SPDX-License-Identifier: Apache-2.0
// From outbox rows to frozen messages, against real stores.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "delivery_world.h"

#define MUST(call) \
    do { \
        struct error err; \
        if ((call) < 0) \
            fail_msg("%s: %s", #call, err.text); \
    } while (0)

static int setup(void **state)
{
    *state = world_open();
    return 0;
}

static int teardown(void **state)
{
    world_close(*state);
    return 0;
}

static void import_at(struct world *w, int64_t now)
{
    MUST(queue_import(w->queue, "corp", now, &err));
}

static void freeze_at(struct world *w, int64_t now)
{
    MUST(queue_freeze_due(w->queue, now, &err));
}

// Imports, freezes and gives all messages.
static size_t run(struct world *w, struct message **messages)
{
    import_at(w, WORLD_NOW);
    freeze_at(w, WORLD_NOW);
    return world_messages(w, w, messages);
}

static enum notification_state state_of(struct world *w, int64_t event)
{
    TALLOC_CTX *ctx = talloc_new(w);
    enum notification_state state = world_outcome(w, ctx, event).state;
    talloc_free(ctx);
    return state;
}

static void assert_dropped(struct world *w, int64_t event, const char *words)
{
    struct delivery_row row = world_outcome(w, w, event);
    assert_int_equal(row.state, NOTIFICATION_DROPPED);
    if (!row.reason || !strstr(row.reason, words))
        fail_msg("\"%s\" is not in \"%s\"", words, row.reason ? row.reason : "");
}

static void assert_bytes_have(const struct message *message, const char *words)
{
    if (!memmem(message->bytes, message->length, words, strlen(words)))
        fail_msg("\"%s\" is not in:\n%.*s", words, (int)message->length, (const char *)message->bytes);
}

// --- import ------------------------------------------------------------------------------------------

static void test_imports_once(void **state)
{
    struct world *w = *state;
    struct telling telling = telling_member_added;
    int64_t cursor, due;
    size_t imported;
    world_user(w, 1, "one@example.com", false);
    telling.digest_wait = 5 * CLOCK_MINUTE;
    int64_t event = world_tell(w, telling);
    MUST(queue_import_some(w->queue, "corp", WORLD_NOW, 10, &imported, &err));
    assert_int_equal(imported, 1);
    MUST(queue_import_some(w->queue, "corp", WORLD_NOW, 10, &imported, &err));
    assert_int_equal(imported, 0);
    assert_int_equal(state_of(w, event), NOTIFICATION_WAITING);
    MUST(delivery_store_cursor(w->store, "corp", &cursor, &err));
    assert_int_equal(cursor, 1);
    MUST(queue_next_due(w->queue, &due, &err));
    assert_int_equal(due, WORLD_NOW + 5 * CLOCK_MINUTE);
    // Another process goes on where this one was.
    world_reopen_queue(w);
    MUST(queue_import_some(w->queue, "corp", WORLD_NOW, 10, &imported, &err));
    assert_int_equal(imported, 0);
    assert_int_equal(state_of(w, event), NOTIFICATION_WAITING);
}

// Somebody moved the directory's store away: the new one counts from 1 again, and is opened before it has anything.
static void test_store_made_anew(void **state)
{
    struct world *w = *state;
    struct message *messages;
    int64_t cursor;
    world_user(w, 1, "one@example.com", false);
    for (int i = 0; i < 3; i++)
        world_tell(w, telling_member_added);
    assert_int_equal(run(w, &messages), 3);
    directory_store_close(w->directory_store);
    char *path = talloc_asprintf(w, "%s/corp.db", w->state_dir);
    assert_int_equal(unlink(path), 0);
    unlink(talloc_asprintf(w, "%s-wal", path));
    unlink(talloc_asprintf(w, "%s-shm", path));
    MUST(directory_store_open(w, path, "corp", STORE_WRITE, &w->directory_store, &err));
    directory_store_flavour(w->directory_store, w->flavour);
    world_user(w, 1, "one@example.com", false);
    world_reopen_queue(w);
    import_at(w, WORLD_NOW);
    MUST(delivery_store_cursor(w->store, "corp", &cursor, &err));
    assert_int_equal(cursor, 0);

    struct telling telling = telling_member_added;
    telling.type = EVENT_GROUP_MEMBER_REMOVED;
    assert_int_equal(world_tell(w, telling), 1);
    assert_int_equal(run(w, &messages), 4);
    assert_bytes_have(&messages[0], "group.member.removed"); // and not what event 1 was once
}

// What is imported cannot be frozen while its directory's store is unreadable; the next minute it can.
static void test_unreadable_directory_store_waits(void **state)
{
    struct world *w = *state;
    struct message *messages;
    int64_t due;
    world_user(w, 1, "one@example.com", false);
    int64_t event = world_tell(w, telling_member_added);
    import_at(w, WORLD_NOW);
    world_reopen_queue(w);
    char *path = talloc_asprintf(w, "%s/corp.db", w->state_dir);
    char *aside = talloc_asprintf(w, "%s.aside", path);
    assert_int_equal(rename(path, aside), 0);
    assert_int_equal(mkdir(path, 0700), 0); // neither absent nor a database
    freeze_at(w, WORLD_NOW);
    assert_int_equal(state_of(w, event), NOTIFICATION_WAITING);
    MUST(queue_next_due(w->queue, &due, &err));
    assert_int_equal(due, WORLD_NOW + CLOCK_MINUTE);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rename(aside, path), 0);
    freeze_at(w, due);
    assert_int_equal(world_messages(w, w, &messages), 1);
}

static void test_import_in_pieces(void **state)
{
    struct world *w = *state;
    struct telling telling = telling_member_added;
    size_t imported;
    for (int i = 0; i < 5; i++) {
        telling.group = 10 + i;
        world_tell(w, telling);
    }
    MUST(queue_import_some(w->queue, "corp", WORLD_NOW, 3, &imported, &err));
    assert_int_equal(imported, 3);
    MUST(queue_import_some(w->queue, "corp", WORLD_NOW, 3, &imported, &err));
    assert_int_equal(imported, 2);
}

static void test_store_that_is_not_there_yet(void **state)
{
    struct world *w = *state;
    struct error why;
    size_t imported = 1;
    w->directory.name = (char *)"later";
    world_reopen_queue(w);
    MUST(queue_import_some(w->queue, "later", WORLD_NOW, 10, &imported, &err));
    assert_int_equal(imported, 0);
    assert_int_equal(queue_import(w->queue, "unknown", WORLD_NOW, &why), -1);
    w->directory.name = (char *)"corp";
}

static void test_courtesy_opposites_cancel(void **state)
{
    struct world *w = *state;
    struct telling telling = telling_member_added;
    telling.digest_wait = CLOCK_MINUTE;
    int64_t added = world_tell(w, telling);
    import_at(w, WORLD_NOW);
    telling.type = EVENT_GROUP_MEMBER_REMOVED;
    int64_t removed = world_tell(w, telling);
    import_at(w, WORLD_NOW + 1);
    assert_int_equal(state_of(w, added), NOTIFICATION_CANCELLED);
    assert_int_equal(state_of(w, removed), NOTIFICATION_CANCELLED);
    // A third change is news again.
    telling.type = EVENT_GROUP_MEMBER_ADDED;
    int64_t again = world_tell(w, telling);
    import_at(w, WORLD_NOW + 2);
    assert_int_equal(state_of(w, again), NOTIFICATION_WAITING);
}

static void test_opposites_in_one_import_cancel(void **state)
{
    struct world *w = *state;
    struct telling telling = telling_member_added;
    int64_t added = world_tell(w, telling);
    telling.type = EVENT_GROUP_MEMBER_REMOVED;
    int64_t removed = world_tell(w, telling);
    struct message *messages;
    assert_int_equal(run(w, &messages), 0);
    assert_int_equal(state_of(w, added), NOTIFICATION_CANCELLED);
    assert_int_equal(state_of(w, removed), NOTIFICATION_CANCELLED);
}

static void test_only_real_opposites_cancel(void **state)
{
    struct world *w = *state;
    struct telling telling = telling_member_added, other;
    telling.digest_wait = CLOCK_MINUTE;
    int64_t added = world_tell(w, telling);
    other = telling;
    other.type = EVENT_GROUP_MEMBER_REMOVED;
    other.group = 11;
    world_tell(w, other);
    other = telling;
    other.type = EVENT_GROUP_MEMBER_REMOVED;
    other.member = 2;
    world_tell(w, other);
    other = telling;
    other.type = EVENT_GROUP_MEMBER_REMOVED;
    other.recipient = 2;
    world_tell(w, other);
    other = telling;
    other.type = EVENT_GROUP_OWNER_REMOVED;
    world_tell(w, other);
    import_at(w, WORLD_NOW);
    assert_int_equal(state_of(w, added), NOTIFICATION_WAITING);
}

static void test_owners_hear_of_both_in_one(void **state)
{
    struct world *w = *state;
    struct telling telling = telling_member_added;
    struct message *messages;
    telling.roles = "owner";
    telling.recipient = 2;
    telling.courtesy = false;
    world_user(w, 2, "owner@example.com", false);
    int64_t added = world_tell(w, telling);
    telling.type = EVENT_GROUP_MEMBER_REMOVED;
    int64_t removed = world_tell(w, telling);
    assert_int_equal(run(w, &messages), 1);
    assert_int_equal(state_of(w, added), NOTIFICATION_FROZEN);
    assert_int_equal(state_of(w, removed), NOTIFICATION_CANCELLED);
    assert_bytes_have(&messages[0], "again");
}

// added, removed, added: the third is not lost in the fold of the first two, and comes after it.
static void test_fold_takes_one_opposite(void **state)
{
    struct world *w = *state;
    struct telling telling = telling_member_added;
    struct message *messages;
    telling.courtesy = false;
    world_user(w, 1, "one@example.com", false);
    int64_t first = world_tell(w, telling);
    telling.type = EVENT_GROUP_MEMBER_REMOVED;
    int64_t second = world_tell(w, telling);
    telling.type = EVENT_GROUP_MEMBER_ADDED;
    int64_t third = world_tell(w, telling);
    telling.type = EVENT_GROUP_MEMBER_REMOVED;
    int64_t fourth = world_tell(w, telling);
    assert_int_equal(run(w, &messages), 2);
    assert_int_equal(state_of(w, first), NOTIFICATION_FROZEN);
    assert_int_equal(state_of(w, second), NOTIFICATION_CANCELLED);
    assert_int_equal(state_of(w, third), NOTIFICATION_FROZEN);
    assert_int_equal(state_of(w, fourth), NOTIFICATION_CANCELLED);
    assert_true(world_outcome(w, w, first).message.id < world_outcome(w, w, third).message.id);
}

static void test_what_was_told_is_not_cancelled(void **state)
{
    struct world *w = *state;
    struct telling telling = telling_member_added;
    struct message *messages;
    world_user(w, 1, "one@example.com", false);
    int64_t added = world_tell(w, telling);
    assert_int_equal(run(w, &messages), 1);
    telling.type = EVENT_GROUP_MEMBER_REMOVED;
    int64_t removed = world_tell(w, telling);
    assert_int_equal(run(w, &messages), 2);
    assert_true(world_outcome(w, w, added).message.id < world_outcome(w, w, removed).message.id);
}

// --- freeze ------------------------------------------------------------------------------------------

static void test_freezes(void **state)
{
    struct world *w = *state;
    struct message *messages;
    world_user(w, 1, "one@example.com", false);
    int64_t event = world_tell(w, telling_member_added);
    assert_int_equal(run(w, &messages), 1);
    const struct message *message = &messages[0];
    assert_int_equal(message->state, MESSAGE_QUEUED);
    assert_string_equal(message->recipient, "one@example.com");
    assert_null(message->intended);
    assert_string_equal(message->envelope_from, "notify@example.com");
    assert_string_equal(message->transport, "relay");
    assert_string_equal(message->directory, "corp");
    assert_int_equal(message->created, WORLD_NOW);
    assert_int_equal(message->next_attempt, WORLD_NOW);
    assert_int_equal(message->expires, WORLD_NOW + 86400000);
    assert_bytes_have(message, message->message_id);
    assert_bytes_have(message, "group.member.added; id=corp-1");
    assert_bytes_have(message, "List-Id: <ldapnotify.example.com>");
    assert_bytes_have(message, "From: Notifier <notify@example.com>");
    assert_non_null(strstr(message->message_id, "corp-1@example.com>"));
    assert_int_equal(world_outcome(w, w, event).message.id, message->id);
    assert_int_equal(world_trial_files(w), 0);
    // Nothing is left to do.
    int64_t due;
    MUST(queue_next_due(w->queue, &due, &err));
    assert_int_equal(due, 0);
}

static void test_digest(void **state)
{
    struct world *w = *state;
    struct telling telling = telling_member_added;
    struct message *messages;
    world_user(w, 1, "one@example.com", false);
    telling.digest_wait = 5 * CLOCK_MINUTE;
    world_tell(w, telling);
    import_at(w, WORLD_NOW);
    telling.group = 11;
    world_tell(w, telling);
    import_at(w, WORLD_NOW + CLOCK_MINUTE);
    freeze_at(w, WORLD_NOW + 5 * CLOCK_MINUTE - 1);
    assert_int_equal(world_messages(w, w, &messages), 0);
    freeze_at(w, WORLD_NOW + 5 * CLOCK_MINUTE);
    assert_int_equal(world_messages(w, w, &messages), 1);
    assert_bytes_have(&messages[0], "id=corp-1");
    assert_bytes_have(&messages[0], "id=corp-2");
    assert_int_equal(state_of(w, 1), NOTIFICATION_FROZEN);
    assert_int_equal(state_of(w, 2), NOTIFICATION_FROZEN);
}

static void test_recipient_is_looked_up_again(void **state)
{
    struct world *w = *state;
    struct message *messages;
    world_user(w, 1, "one@example.com", false);
    world_tell(w, telling_member_added);
    import_at(w, WORLD_NOW);
    world_user(w, 1, "new@example.com", false);
    freeze_at(w, WORLD_NOW);
    assert_int_equal(world_messages(w, w, &messages), 1);
    assert_string_equal(messages[0].recipient, "new@example.com");
}

static void test_gone_recipient_keeps_its_last_address(void **state)
{
    struct world *w = *state;
    struct message *messages;
    world_user(w, 1, "one@example.com", false);
    world_tell(w, telling_member_added);
    world_delete_user(w, 1);
    assert_int_equal(run(w, &messages), 1);
    assert_string_equal(messages[0].recipient, "old@example.com");
}

static void test_fixed_address(void **state)
{
    struct world *w = *state;
    struct telling telling = telling_member_added;
    struct message *messages;
    telling.recipient = 0;
    telling.address = "admins@example.com";
    world_tell(w, telling);
    assert_int_equal(run(w, &messages), 1);
    assert_string_equal(messages[0].recipient, "admins@example.com");
}

static void test_dropped_with_a_reason(void **state)
{
    struct world *w = *state;
    struct telling telling = telling_member_added;
    struct message *messages;
    world_user(w, 1, "one@example.com", true);
    world_user(w, 2, NULL, false);
    world_user(w, 3, "three@example.com", false);
    int64_t disabled = world_tell(w, telling);
    telling.recipient = 2;
    int64_t without = world_tell(w, telling);
    telling.recipient = 3;
    telling.expires = WORLD_NOW;
    int64_t stale = world_tell(w, telling);
    telling.expires = WORLD_NOW + 1;
    int64_t fresh = world_tell(w, telling);
    assert_int_equal(run(w, &messages), 1);
    assert_dropped(w, disabled, "disabled");
    assert_dropped(w, without, "no mail address");
    assert_dropped(w, stale, "max_event_age");
    assert_int_equal(state_of(w, fresh), NOTIFICATION_FROZEN);
    // What is stale tomorrow is not sent tomorrow.
    assert_int_equal(messages[0].expires, WORLD_NOW + 1);
}

static void test_disabled_user_hears_of_his_own_account(void **state)
{
    struct world *w = *state;
    struct telling telling = telling_member_added;
    struct message *messages;
    world_user(w, 1, "one@example.com", true);
    telling.type = EVENT_USER_DISABLED;
    telling.group = 1;
    telling.roles = "user";
    int64_t own = world_tell(w, telling);
    telling.group = 2;
    int64_t other = world_tell(w, telling);
    assert_int_equal(run(w, &messages), 1);
    assert_int_equal(state_of(w, own), NOTIFICATION_FROZEN);
    assert_dropped(w, other, "disabled");
}

static void test_redirect(void **state)
{
    struct world *w = *state;
    struct message *messages;
    w->config.mail.redirect_to = (char *)"tester@example.com";
    world_user(w, 1, "one@example.com", false);
    world_tell(w, telling_member_added);
    assert_int_equal(run(w, &messages), 1);
    assert_string_equal(messages[0].recipient, "tester@example.com");
    assert_string_equal(messages[0].intended, "one@example.com");
    assert_bytes_have(&messages[0], "X-LdapNotify-Intended-For: one@example.com");
}

static void test_sender_precedence(void **state)
{
    struct world *w = *state;
    struct telling telling = telling_member_added;
    struct message *messages;
    world_user(w, 1, "one@example.com", false);
    w->directory.from = (char *)"corp@example.com";
    w->transports[1].from = (char *)"other@example.com";
    w->transports[1].envelope_from = (char *)"bounce@example.com";
    world_tell(w, telling);
    telling.transport = "other";
    world_tell(w, telling);
    assert_int_equal(run(w, &messages), 2);
    assert_string_equal(messages[1].envelope_from, "corp@example.com");
    assert_bytes_have(&messages[1], "<corp@example.com>");
    assert_string_equal(messages[0].envelope_from, "bounce@example.com");
    assert_bytes_have(&messages[0], "<other@example.com>");
}

static void test_unknown_transport_falls_back(void **state)
{
    struct world *w = *state;
    struct telling telling = telling_member_added;
    struct message *messages;
    world_user(w, 1, "one@example.com", false);
    telling.transport = "was-removed";
    world_tell(w, telling);
    assert_int_equal(run(w, &messages), 1);
    assert_string_equal(messages[0].transport, "relay");
}

static void test_directory_taken_from_the_configuration(void **state)
{
    struct world *w = *state;
    struct message *messages;
    int64_t event = world_tell(w, telling_member_added);
    import_at(w, WORLD_NOW);
    w->config.directory_count = 0;
    world_reopen_queue(w);
    freeze_at(w, WORLD_NOW);
    assert_int_equal(world_messages(w, w, &messages), 0);
    assert_dropped(w, event, "not in the configuration");
}

// --- trial -------------------------------------------------------------------------------------------

static void check_trial(struct world *w)
{
    struct message *messages;
    assert_true(queue_is_trial(w->queue));
    world_user(w, 1, "one@example.com", false);
    world_tell(w, telling_member_added);
    assert_int_equal(run(w, &messages), 1);
    assert_int_equal(messages[0].state, MESSAGE_TRIAL);
    assert_int_equal(messages[0].finished, WORLD_NOW);
    assert_int_equal(world_trial_files(w), 1);
}

static void test_trial(void **state)
{
    struct world *w = *state;
    w->config.live = false;
    check_trial(w);
    // Going live sends nothing of it.
    w->config.live = true;
    size_t count;
    struct message *claimed;
    MUST(delivery_store_claim(w->store, w, NULL, WORLD_NOW + CLOCK_DAY, WORLD_NOW + 2 * CLOCK_DAY, 10,
                              &claimed, &count, &err));
    assert_int_equal(count, 0);
}

static void test_trial_without_sender(void **state)
{
    struct world *w = *state;
    w->config.mail.from = NULL;
    check_trial(w);
}

static void test_unwritable_trial_loses_nothing(void **state)
{
    struct world *w = *state;
    struct error err;
    char path[128];
    struct message *messages;
    w->config.live = false;
    world_user(w, 1, "one@example.com", false);
    int64_t event = world_tell(w, telling_member_added);
    import_at(w, WORLD_NOW);
    snprintf(path, sizeof path, "%s/trial", w->state_dir);
    FILE *file = fopen(path, "w"); // a file stands where the Maildir should be
    assert_non_null(file);
    fclose(file);
    assert_int_equal(queue_freeze_due(w->queue, WORLD_NOW, &err), -1);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(state_of(w, event), NOTIFICATION_WAITING);
    assert_int_equal(unlink(path), 0);
    freeze_at(w, WORLD_NOW);
    assert_int_equal(world_messages(w, w, &messages), 1);
    assert_int_equal(world_trial_files(w), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(test_imports_once),
        TEST(test_import_in_pieces),
        TEST(test_unreadable_directory_store_waits),
        TEST(test_store_made_anew),
        TEST(test_store_that_is_not_there_yet),
        TEST(test_courtesy_opposites_cancel),
        TEST(test_opposites_in_one_import_cancel),
        TEST(test_only_real_opposites_cancel),
        TEST(test_owners_hear_of_both_in_one),
        TEST(test_fold_takes_one_opposite),
        TEST(test_what_was_told_is_not_cancelled),
        TEST(test_freezes),
        TEST(test_digest),
        TEST(test_recipient_is_looked_up_again),
        TEST(test_gone_recipient_keeps_its_last_address),
        TEST(test_fixed_address),
        TEST(test_dropped_with_a_reason),
        TEST(test_disabled_user_hears_of_his_own_account),
        TEST(test_redirect),
        TEST(test_sender_precedence),
        TEST(test_unknown_transport_falls_back),
        TEST(test_directory_taken_from_the_configuration),
        TEST(test_trial),
        TEST(test_trial_without_sender),
        TEST(test_unwritable_trial_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "store_fixture.h"

#define A "uid=a,ou=people,dc=x"
#define B "uid=b,ou=people,dc=x"
#define OUT "uid=out,ou=elsewhere,dc=y"

static struct source_state *state_of(struct fixture *f)
{
    struct source_state *state;
    assert_done(f, directory_store_state(f->store, f, &state, &f->err));
    return state;
}

// --- first load ----------------------------------------------------------------------------------

static void load(struct fixture *f, const struct entry *entry)
{
    assert_done(f, directory_store_load(f->store, entry, &f->err));
}

static void load_fills_the_mirror(void **state)
{
    struct fixture *f = *state;
    applied(f, user_of(f, 77, "left-over"));
    assert_done(f, directory_store_load_begin(f->store, &f->err));
    load(f, group_of(f, 9, "g", A, B, OUT, NULL)); // before its members
    load(f, user_of(f, 1, "a"));
    load(f, user_of(f, 2, "b"));
    load(f, entry_of(f, 8, "cn=posix,dc=x", "memberUid", "b", "memberUid", "nobody", NULL));
    struct source_state *source = state_of(f);
    source->cookie = talloc_strdup(f, "c");
    source->loaded = true;
    assert_done(f, directory_store_load_end(f->store, source, &f->err));
    assert_int_equal(source->version, 1);
    assert_string_equal(found_by_number(f, 77), "none");
    assert_string_equal(links_text(f, 9), "member=" A "[1] member=" B "[2] member=" OUT "[-]");
    assert_string_equal(links_text(f, 8), "memberUid=b[2] memberUid=nobody[-]");
    assert_string_equal(found_by_uid(f, "b"), "2");
    struct mirror_counts counts;
    assert_done(f, directory_store_counts(f->store, &counts, &f->err));
    assert_int_equal(counts.entries, 4);
    assert_int_equal(counts.links, 5);
    assert_string_equal(applied(f, group_of(f, 9, "g", A, B, OUT, NULL)), "none");
    assert_string_equal(applied(f, user_of(f, 3, "c")), "created");
    assert_string_equal(found_by_number(f, 3), "3");
}

static void load_takes_the_last_of_what_comes_twice(void **state)
{
    struct fixture *f = *state;
    assert_done(f, directory_store_load_begin(f->store, &f->err));
    load(f, group_of(f, 9, "g", A, B, NULL));
    load(f, user_of(f, 1, "a"));
    load(f, group_of(f, 9, "g", B, NULL));
    load(f, user_of(f, 2, "a")); // deleted and made again while we read
    load(f, user_of(f, 3, "a"));
    assert_done(f, directory_store_load_end(f->store, NULL, &f->err));
    assert_string_equal(links_text(f, 9), "member=" B "[-]");
    assert_string_equal(found_by_dn(f, A), "3");
    struct mirror_counts counts;
    assert_done(f, directory_store_counts(f->store, &counts, &f->err));
    assert_int_equal(counts.entries, 4);
    assert_int_equal(counts.links, 1);
    assert_string_equal(deleted(f, 1), "deleted");
    assert_string_equal(found_by_dn(f, A), "3");
}

static void aborted_load_leaves_what_was(void **state)
{
    struct fixture *f = *state;
    applied(f, user_of(f, 1, "a"));
    applied(f, group_of(f, 9, "g", A, NULL));
    assert_done(f, directory_store_load_begin(f->store, &f->err));
    load(f, user_of(f, 2, "b"));
    directory_store_load_abort(f->store);
    assert_string_equal(found_by_number(f, 1), "1");
    assert_string_equal(found_by_number(f, 2), "none");
    assert_done(f, directory_store_load_begin(f->store, &f->err));
    load(f, user_of(f, 2, "b"));
    fixture_reopen(f); // a crash
    assert_string_equal(found_by_number(f, 1), "1");
    assert_string_equal(links_text(f, 9), "member=" A "[1]");
    assert_string_equal(applied(f, user_of(f, 1, "a")), "none");
}

// --- a refresh -----------------------------------------------------------------------------------

static void stage_begin(struct fixture *f)
{
    assert_done(f, directory_store_stage_begin(f->store, &f->err));
}

static void stage(struct fixture *f, const struct entry *entry)
{
    assert_done(f, directory_store_stage(f->store, entry, &f->err));
}

static struct stage_summary stage_end(struct fixture *f, enum stage_unmentioned unmentioned)
{
    struct stage_summary summary;
    assert_done(f, directory_store_stage_end(f->store, unmentioned, &summary, &f->err));
    return summary;
}

// Numbers of the next entries, and applies them.
static const char *stage_apply(struct fixture *f, size_t limit)
{
    struct entry **entries;
    size_t count;
    char *text = talloc_strdup(f, "");
    begin(f);
    assert_done(f, directory_store_stage_next(f->store, f, limit, &entries, &count, &f->err));
    for (size_t i = 0; i < count; i++)
        text = talloc_asprintf_append(text, "%s%d:%s", i ? ", " : "", number_of(&entries[i]->uuid),
                                      apply_text(f, entries[i]));
    commit(f);
    return text;
}

static const char *stage_gone(struct fixture *f, size_t limit)
{
    struct uuid *uuids;
    size_t count;
    char *text = talloc_strdup(f, "");
    begin(f);
    assert_done(f, directory_store_stage_next_gone(f->store, f, limit, &uuids, &count, &f->err));
    for (size_t i = 0; i < count; i++)
        text = talloc_asprintf_append(text, "%s%d:%s", i ? ", " : "", number_of(&uuids[i]),
                                      delete_text(f, number_of(&uuids[i])));
    commit(f);
    return text;
}

static void refresh_finds_what_differs(void **state)
{
    struct fixture *f = *state;
    applied(f, user_of(f, 1, "a"));
    applied(f, user_of(f, 2, "b"));
    applied(f, user_of(f, 3, "c"));
    applied(f, user_of(f, 4, "d"));
    applied(f, group_of(f, 9, "g", A, NULL));
    stage_begin(f);
    stage(f, group_of(f, 9, "g", A, "uid=new,ou=people,dc=x", NULL)); // before its new member
    stage(f, user_of(f, 1, "a"));
    stage(f, user_of(f, 2, "bb"));
    stage(f, user_of(f, 5, "new"));
    struct uuid present = uuid_of(3);
    assert_done(f, directory_store_stage_present(f->store, &present, 1, &f->err));
    struct stage_summary summary = stage_end(f, UNMENTIONED_GONE);
    assert_int_equal(summary.staged, 4);
    assert_int_equal(summary.differing, 3);
    assert_int_equal(summary.gone, 1);
    // Look-ups see what is coming, deltas too.
    assert_string_equal(found_by_dn(f, "uid=new,ou=people,dc=x"), "5");
    assert_string_equal(found_by_uid(f, "new"), "5");
    assert_string_equal(found_by_number(f, 5), "5");
    assert_string_equal(stage_apply(f, 1), "2:changed renamed");
    assert_string_equal(stage_apply(f, 10), "5:created, 9:changed +member=uid=new,ou=people,dc=x[5]");
    assert_string_equal(stage_apply(f, 10), "");
    assert_string_equal(stage_gone(f, 10), "4:deleted");
    assert_string_equal(stage_gone(f, 10), "");
    directory_store_stage_drop(f->store);
    assert_string_equal(found_by_number(f, 3), "3");
    assert_string_equal(found_by_number(f, 4), "former 4");
}

static void refresh_without_sweep_keeps_the_unmentioned(void **state)
{
    struct fixture *f = *state;
    applied(f, user_of(f, 1, "a"));
    applied(f, user_of(f, 2, "b"));
    stage_begin(f);
    struct uuid gone[] = { uuid_of(2), uuid_of(77) };
    assert_done(f, directory_store_stage_gone(f->store, gone, 2, &f->err));
    struct stage_summary summary = stage_end(f, UNMENTIONED_STAY);
    assert_int_equal(summary.gone, 1);
    assert_int_equal(summary.differing, 0);
    assert_string_equal(stage_apply(f, 10), "");
    assert_string_equal(stage_gone(f, 10), "2:deleted");
    directory_store_stage_drop(f->store);
    stage_begin(f);
    assert_int_equal(stage_end(f, UNMENTIONED_STAY).gone, 0);
    directory_store_stage_drop(f->store);
    stage_begin(f);
    assert_int_equal(stage_end(f, UNMENTIONED_GONE).gone, 1);
    directory_store_stage_drop(f->store);
}

// Who is gone after a refresh that named entries `first` to `last`, all as they are.
static int64_t gone_after(struct fixture *f, int first, int last, enum stage_unmentioned unmentioned)
{
    static const char *const names[] = { "", "a", "b", "c", "d" };
    stage_begin(f);
    for (int i = first; i <= last; i++)
        stage(f, user_of(f, i, names[i]));
    int64_t gone = stage_end(f, unmentioned).gone;
    directory_store_stage_drop(f->store);
    return gone;
}

static void doubt_outlasts_later_sweeps(void **state)
{
    struct fixture *f = *state;
    for (int i = 1; i <= 4; i++)
        applied(f, user_of(f, i, (const char[]){ (char)('a' + i - 1), '\0' }));
    stage_begin(f);
    stage(f, user_of(f, 1, "a"));
    struct uuid four = uuid_of(4);
    assert_done(f, directory_store_stage_gone(f->store, &four, 1, &f->err));
    struct stage_summary summary = stage_end(f, UNMENTIONED_DOUBT);
    assert_int_equal(summary.doubted, 2);
    assert_int_equal(summary.gone, 1); // a delete that was said is none that was guessed
    directory_store_stage_drop(f->store);

    assert_int_equal(gone_after(f, 1, 1, UNMENTIONED_GONE), 1); // 4; 2 and 3 are in doubt
    assert_int_equal(gone_after(f, 1, 2, UNMENTIONED_GONE), 1); // 2 is named: no more doubt
    assert_int_equal(gone_after(f, 1, 1, UNMENTIONED_GONE), 2); // 2 and 4
    applied(f, user_of(f, 3, "c"));
    assert_int_equal(gone_after(f, 1, 1, UNMENTIONED_GONE), 3); // applied: no more doubt either
}

static void doubt_ends_with_the_entry(void **state)
{
    struct fixture *f = *state;
    applied(f, user_of(f, 1, "a"));
    applied(f, user_of(f, 2, "b"));
    gone_after(f, 1, 1, UNMENTIONED_DOUBT);
    stage_begin(f);
    struct uuid two = uuid_of(2);
    assert_done(f, directory_store_stage_gone(f->store, &two, 1, &f->err));
    assert_int_equal(stage_end(f, UNMENTIONED_STAY).gone, 1);
    assert_string_equal(stage_gone(f, 10), "2:deleted");
    directory_store_stage_drop(f->store);
    applied(f, user_of(f, 2, "b")); // comes back under the id that it had
    assert_int_equal(gone_after(f, 1, 1, UNMENTIONED_GONE), 1);
}

static void last_word_of_a_refresh_counts(void **state)
{
    struct fixture *f = *state;
    applied(f, user_of(f, 1, "a"));
    applied(f, user_of(f, 2, "b"));
    applied(f, user_of(f, 3, "c"));
    stage_begin(f);
    struct uuid one = uuid_of(1), two = uuid_of(2), four = uuid_of(4);
    stage(f, user_of(f, 1, "aa"));
    stage(f, user_of(f, 1, "a")); // as it was, after all
    assert_done(f, directory_store_stage_gone(f->store, &two, 1, &f->err));
    stage(f, user_of(f, 2, "bb"));
    stage(f, user_of(f, 3, "cc"));
    stage(f, user_of(f, 3, "ccc"));
    stage(f, user_of(f, 4, "d"));
    assert_done(f, directory_store_stage_gone(f->store, &four, 1, &f->err));
    stage(f, user_of(f, 5, "e"));
    stage(f, user_of(f, 5, "ee"));
    struct stage_summary summary = stage_end(f, UNMENTIONED_GONE);
    assert_int_equal(summary.gone, 0);
    assert_int_equal(summary.differing, 3);
    assert_string_equal(stage_apply(f, 10), "2:changed renamed, 3:changed renamed, 5:created");
    assert_string_equal(dn_of(f, 3), "uid=ccc,ou=people,dc=x");
    assert_string_equal(dn_of(f, 5), "uid=ee,ou=people,dc=x");
    assert_string_equal(found_by_number(f, number_of(&one)), "1");
    directory_store_stage_drop(f->store);
}

static void refresh_exchanges_names_and_moves_branches(void **state)
{
    struct fixture *f = *state;
    applied(f, entry_of(f, 11, "uid=of-a,ou=a,dc=x", "sn", "x", NULL));
    applied(f, entry_of(f, 12, "uid=of-b,ou=b,dc=x", "sn", "x", NULL));
    applied(f, entry_of(f, 1, "ou=a,dc=x", "ou", "a", NULL));
    applied(f, entry_of(f, 2, "ou=b,dc=x", "ou", "b", NULL));
    stage_begin(f);
    stage(f, entry_of(f, 12, "uid=of-b,ou=a,dc=x", "sn", "x", NULL)); // a child before its parent
    stage(f, entry_of(f, 11, "uid=of-a,ou=b,dc=x", "sn", "x", NULL));
    stage(f, entry_of(f, 2, "ou=a,dc=x", "ou", "a", NULL));
    stage(f, entry_of(f, 1, "ou=b,dc=x", "ou", "b", NULL));
    stage_end(f, UNMENTIONED_GONE);
    // Parents first, so that the children have moved with them when their turn comes.
    assert_string_equal(stage_apply(f, 10), "1:changed renamed, 2:changed renamed, 11:none, 12:none");
    assert_string_equal(stage_gone(f, 10), "");
    directory_store_stage_drop(f->store);
    assert_string_equal(dn_of(f, 11), "uid=of-a,ou=b,dc=x");
    assert_string_equal(found_by_dn(f, "uid=of-b,ou=a,dc=x"), "12");
}

// A group that is renamed as well comes before its members are known by their new names.
static void refresh_knows_names_to_come(void **state)
{
    struct fixture *f = *state;
    applied(f, group_of(f, 2, "g", A, NULL));
    applied(f, user_of(f, 9, "a"));
    stage_begin(f);
    stage(f, user_of(f, 9, "b"));
    stage(f, group_of(f, 2, "h", B, NULL));
    stage_end(f, UNMENTIONED_GONE);
    assert_string_equal(stage_apply(f, 1), "2:changed renamed");
    assert_string_equal(stage_apply(f, 10), "9:changed renamed");
    directory_store_stage_drop(f->store);
    assert_string_equal(links_text(f, 2), "member=" B "[9]");
}

static void other_transactions_run_while_staging(void **state)
{
    struct fixture *f = *state;
    applied(f, user_of(f, 1, "a"));
    stage_begin(f);
    stage(f, user_of(f, 1, "aa"));
    struct timer timer = { .due = 5, .entry = uuid_of(1) };
    begin(f);
    assert_done(f, directory_store_set_timer(f->store, &timer, &f->err));
    commit(f);
    stage(f, user_of(f, 2, "b"));
    assert_done(f, directory_store_checkpoint(f->store, &f->err));
    begin(f);
    directory_store_rollback(f->store);
    assert_int_equal(stage_end(f, UNMENTIONED_GONE).differing, 2);
    directory_store_stage_drop(f->store);
    // Dropped: nothing of it is left.
    assert_string_equal(found_by_number(f, 2), "none");
    assert_string_equal(dn_of(f, 1), A);
}

static void crashed_refresh_is_forgotten(void **state)
{
    struct fixture *f = *state;
    applied(f, user_of(f, 1, "a"));
    stage_begin(f);
    stage(f, user_of(f, 2, "b"));
    stage_end(f, UNMENTIONED_GONE);
    assert_string_equal(stage_apply(f, 1), "2:created");
    fixture_reopen(f);
    assert_string_equal(found_by_number(f, 2), "2");
    struct entry **entries;
    size_t count;
    assert_int_equal(directory_store_stage_next(f->store, f, 1, &entries, &count, &f->err), -1);
    assert_int_equal(directory_store_stage(f->store, user_of(f, 2, "b"), &f->err), -1);
}

static void staged_links_are_found(void **state)
{
    struct fixture *f = *state;
    applied(f, user_of(f, 1, "a"));
    stage_begin(f);
    stage(f, group_of(f, 9, "g", A, B, NULL));
    stage(f, user_of(f, 2, "b"));
    stage_end(f, UNMENTIONED_STAY);
    assert_string_equal(links_text(f, 9), "member=" A "[1] member=" B "[2]");
    struct uuid uuid = uuid_of(9);
    size_t count;
    assert_done(f, directory_store_count_links(f->store, &uuid, "member", &count, &f->err));
    assert_int_equal(count, 2);
    directory_store_stage_drop(f->store);
    assert_string_equal(links_text(f, 9), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(load_fills_the_mirror),
        TEST(load_takes_the_last_of_what_comes_twice),
        TEST(aborted_load_leaves_what_was),
        TEST(refresh_finds_what_differs),
        TEST(refresh_without_sweep_keeps_the_unmentioned),
        TEST(doubt_outlasts_later_sweeps),
        TEST(doubt_ends_with_the_entry),
        TEST(last_word_of_a_refresh_counts),
        TEST(refresh_exchanges_names_and_moves_branches),
        TEST(refresh_knows_names_to_come),
        TEST(other_transactions_run_while_staging),
        TEST(crashed_refresh_is_forgotten),
        TEST(staged_links_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

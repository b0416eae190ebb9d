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

// --- one entry ---------------------------------------------------------------------------------------------------------

static void entry_comes_changes_and_goes(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(applied(f, user_of(f, 1, "a")), "created");
    assert_string_equal(applied(f, user_of(f, 1, "a")), "none");
    struct entry *entry = user_of(f, 1, "a");
    entry_add_text(entry, "mail", "a@x");
    assert_string_equal(applied(f, entry), "changed");
    assert_null(entry_text(f->delta->old, "mail"));
    assert_string_equal(entry_text(f->delta->new, "mail"), "a@x");
    assert_string_equal(deleted(f, 1), "deleted");
    assert_string_equal(entry_text(f->delta->old, "mail"), "a@x");
    assert_string_equal(deleted(f, 1), "none");
    assert_string_equal(found_by_number(f, 1), "former 1");
    assert_string_equal(found_by_dn(f, A), "former 1");
    assert_string_equal(found_by_uid(f, "A"), "former 1");
}

static void order_of_values_is_no_change(void **state)
{
    struct fixture *f = *state;
    applied(f, entry_of(f, 1, A, "cn", "one", "cn", "two", "sn", "three", NULL));
    assert_string_equal(applied(f, entry_of(f, 1, A, "sn", "three", "cn", "two", "cn", "one", NULL)), "none");
    assert_string_equal(applied(f, entry_of(f, 1, A, "sn", "two", "cn", "three", "cn", "one", NULL)), "changed");
}

static void spelling_of_a_dn_is_kept_but_no_rename(void **state)
{
    struct fixture *f = *state;
    applied(f, entry_of(f, 1, A, "cn", "one", NULL));
    assert_string_equal(applied(f, entry_of(f, 1, "UID=A, ou=People,dc=x", "cn", "one", NULL)), "changed");
    assert_string_equal(dn_of(f, 1), "UID=A, ou=People,dc=x");
    assert_string_equal(found_by_dn(f, A), "1");
}

static void entry_without_uuid_is_refused(void **state)
{
    struct fixture *f = *state;
    struct uuid none = { { 0 } };
    struct entry *entry = entry_new(f, &none, A);
    begin(f);
    assert_int_equal(directory_store_apply(f->store, f, entry, &f->delta, NULL, &f->err), -1);
    assert_int_equal(f->err.code, STORE_FAILED);
    assert_non_null(strstr(f->err.text, "UUID"));
    directory_store_rollback(f->store);
}

static void recreated_under_the_same_dn_is_another(void **state)
{
    struct fixture *f = *state;
    applied(f, user_of(f, 1, "a"));
    applied(f, group_of(f, 9, "g", A, NULL));
    assert_string_equal(deleted(f, 1), "deleted");
    assert_string_equal(applied(f, user_of(f, 2, "a")), "created");
    assert_string_equal(found_by_dn(f, A), "2");
    assert_string_equal(found_by_number(f, 1), "former 1");
    // The group says what it said before.
    assert_string_equal(applied(f, group_of(f, 9, "g", A, NULL)), "none");
    assert_string_equal(links_text(f, 9), "member=" A "[2]");
}

// The new one's message may come before the old one's delete.
static void recreated_before_the_delete_comes(void **state)
{
    struct fixture *f = *state;
    applied(f, user_of(f, 1, "a"));
    applied(f, group_of(f, 9, "g", A, NULL));
    assert_string_equal(applied(f, user_of(f, 2, "a")), "created");
    assert_string_equal(found_by_dn(f, A), "2");
    assert_string_equal(deleted(f, 1), "deleted");
    assert_string_equal(f->delta->old->dn, A);
    assert_string_equal(found_by_dn(f, A), "2");
    assert_string_equal(links_text(f, 9), "member=" A "[2]");
}

static void comes_back_after_leaving_the_view(void **state)
{
    struct fixture *f = *state;
    applied(f, user_of(f, 1, "a"));
    deleted(f, 1);
    assert_string_equal(applied(f, user_of(f, 1, "a")), "created");
    assert_string_equal(found_by_dn(f, A), "1");
    assert_string_equal(deleted(f, 1), "deleted");
    assert_string_equal(found_by_dn(f, A), "former 1");
}

// --- links -------------------------------------------------------------------------------------------------------------

static void links_are_gained_and_lost(void **state)
{
    struct fixture *f = *state;
    applied(f, user_of(f, 1, "a"));
    applied(f, user_of(f, 2, "b"));
    assert_string_equal(applied(f, group_of(f, 9, "g", A, NULL)), "created +member=" A "[1]");
    assert_null(entry_attribute(f->delta->new, "member"));
    assert_string_equal(applied(f, group_of(f, 9, "g", A, B, NULL)), "changed +member=" B "[2]");
    assert_string_equal(applied(f, group_of(f, 9, "g", B, A, NULL)), "none");
    assert_string_equal(applied(f, group_of(f, 9, "g", "UID=B , ou=people,dc=x", NULL)), "changed -member=" A "[1]");
    assert_string_equal(applied(f, group_of(f, 9, "g", B, B, NULL)), "none");
    assert_string_equal(links_text(f, 9), "member=" B "[2]");
    assert_string_equal(deleted(f, 9), "deleted -member=" B "[2]");
}

static void targets_outside_keep_their_text(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(applied(f, group_of(f, 9, "g", OUT, A, NULL)), "created +member=" A "[-] +member=" OUT "[-]");
    assert_string_equal(links_text(f, 9), "member=" A "[-] member=" OUT "[-]");
    // A group may come before its new member.
    applied(f, user_of(f, 1, "a"));
    assert_string_equal(links_text(f, 9), "member=" A "[1] member=" OUT "[-]");
    assert_string_equal(applied(f, group_of(f, 9, "g", A, NULL)), "changed -member=" OUT "[-]");
}

static void member_of_a_deleted_user_is_still_told_by_name(void **state)
{
    struct fixture *f = *state;
    applied(f, user_of(f, 1, "a"));
    applied(f, group_of(f, 9, "g", A, B, NULL));
    deleted(f, 1);
    assert_string_equal(links_text(f, 9), "member=" A "[1] member=" B "[-]");
    assert_string_equal(applied(f, group_of(f, 9, "g", B, NULL)), "changed -member=" A "[1]");
}

static void uids_are_links_too(void **state)
{
    struct fixture *f = *state;
    applied(f, user_of(f, 1, "a"));
    const char *dn = "cn=posix,ou=groups,dc=x";
    assert_string_equal(applied(f, entry_of(f, 9, dn, "memberUid", "a", "memberUid", "zz", NULL)),
                        "created +memberUid=a[1] +memberUid=zz[-]");
    assert_string_equal(links_text(f, 9), "memberUid=a[1] memberUid=zz[-]");
    // The uid changes, and the group follows: the member is who he was.
    struct entry *renamed = entry_of(f, 1, A, "objectClass", "inetOrgPerson", "uid", "aa", "cn", "a", NULL);
    assert_string_equal(applied(f, renamed), "changed");
    assert_string_equal(found_by_uid(f, "a"), "1");
    assert_string_equal(applied(f, entry_of(f, 9, dn, "memberUid", "aa", "memberUid", "zz", NULL)), "changed");
    assert_string_equal(links_text(f, 9), "memberUid=aa[1] memberUid=zz[-]");
    // Somebody else takes the old uid.
    applied(f, user_of(f, 2, "a"));
    assert_string_equal(found_by_uid(f, "a"), "2");
    assert_string_equal(applied(f, entry_of(f, 9, dn, "memberUid", "aa", "memberUid", "a", NULL)),
                        "changed +memberUid=a[2] -memberUid=zz[-]");
}

static void attributes_are_apart(void **state)
{
    struct fixture *f = *state;
    applied(f, user_of(f, 1, "a"));
    assert_string_equal(applied(f, entry_of(f, 9, "cn=g,dc=x", "member", A, "owner", A, NULL)),
                        "created +member=" A "[1] +owner=" A "[1]");
    assert_string_equal(applied(f, entry_of(f, 9, "cn=g,dc=x", "owner", A, NULL)), "changed -member=" A "[1]");
    struct link *links;
    size_t count;
    struct uuid uuid = uuid_of(9);
    assert_done(f, directory_store_links(f->store, f, &uuid, "member", &links, &count, &f->err));
    assert_int_equal(count, 0);
    assert_done(f, directory_store_count_links(f->store, &uuid, "owner", &count, &f->err));
    assert_int_equal(count, 1);
    assert_done(f, directory_store_count_links(f->store, &uuid, NULL, &count, &f->err));
    assert_int_equal(count, 1);
}

// One member more in a large group writes one row of one table and its index.
static void one_member_more_is_one_row(void **state)
{
    struct fixture *f = *state;
    struct entry *group = group_of(f, 9, "g", NULL);
    for (int i = 0; i < 2000; i++)
        entry_add_text(group, "member", talloc_asprintf(f, "uid=u%d,ou=people,dc=x", i));
    applied(f, group);
    struct mirror_counts before, after;
    assert_done(f, directory_store_counts(f->store, &before, &f->err));
    assert_int_equal(before.links, 2000);
    entry_add_text(group, "member", A);
    assert_string_equal(applied(f, group), "changed +member=" A "[-]");
    assert_done(f, directory_store_counts(f->store, &after, &f->err));
    assert_int_equal(after.links, 2001);
    assert_int_equal(after.entries, 1);
}

static void changed_flavour_map_is_no_change_of_links(void **state)
{
    struct fixture *f = *state;
    applied(f, user_of(f, 1, "a"));
    applied(f, entry_of(f, 9, "cn=g,dc=x", "responsible", A, "member", A, NULL));
    assert_string_equal(links_text(f, 9), "member=" A "[1]");
    // An attribute that was plain becomes the owner.
    const char *names[] = { "responsible", NULL };
    const char **was = f->flavour->attributes[ROLE_OWNER];
    f->flavour->attributes[ROLE_OWNER] = names;
    directory_store_flavour(f->store, f->flavour);
    assert_string_equal(applied(f, entry_of(f, 9, "cn=g,dc=x", "responsible", A, "responsible", B, "member", A, NULL)),
                        "changed +responsible=" B "[-]");
    assert_null(entry_attribute(f->delta->old, "responsible"));
    assert_string_equal(links_text(f, 9), "member=" A "[1] responsible=" A "[1] responsible=" B "[-]");
    // And back.
    f->flavour->attributes[ROLE_OWNER] = was;
    directory_store_flavour(f->store, f->flavour);
    assert_string_equal(applied(f, entry_of(f, 9, "cn=g,dc=x", "responsible", A, "member", A, NULL)), "changed");
    assert_int_equal(entry_attribute(f->delta->old, "responsible")->count, 2);
    assert_int_equal(entry_attribute(f->delta->new, "responsible")->count, 1);
    assert_string_equal(links_text(f, 9), "member=" A "[1]");
}

// --- renames -----------------------------------------------------------------------------------------------------------

static void former_name_is_an_alias_until_taken(void **state)
{
    struct fixture *f = *state;
    applied(f, user_of(f, 1, "a"));
    assert_string_equal(applied(f, user_of(f, 1, "b")), "changed renamed");
    assert_string_equal(found_by_dn(f, A), "1");
    assert_string_equal(found_by_dn(f, B), "1");
    assert_string_equal(applied(f, user_of(f, 2, "a")), "created");
    assert_string_equal(found_by_dn(f, A), "2");
    assert_string_equal(found_by_dn(f, B), "1");
}

// refint rewrites `member` silently; the next message of the group shows the old DN gone and the new one there.
static void rewritten_member_after_a_rename_is_no_news(void **state)
{
    struct fixture *f = *state;
    applied(f, user_of(f, 1, "a"));
    applied(f, group_of(f, 9, "g", A, OUT, NULL));
    applied(f, user_of(f, 1, "b"));
    assert_string_equal(links_text(f, 9), "member=" B "[1] member=" OUT "[-]");
    assert_string_equal(applied(f, group_of(f, 9, "g", B, OUT, NULL)), "changed");
    assert_string_equal(applied(f, group_of(f, 9, "g", B, OUT, NULL)), "none");
    assert_string_equal(links_text(f, 9), "member=" B "[1] member=" OUT "[-]");
    assert_string_equal(applied(f, group_of(f, 9, "g", OUT, NULL)), "changed -member=" B "[1]");
}

// An administrator adds the new name before the old one goes.
static void both_names_are_one_member(void **state)
{
    struct fixture *f = *state;
    applied(f, user_of(f, 1, "a"));
    applied(f, group_of(f, 9, "g", A, NULL));
    applied(f, user_of(f, 1, "b"));
    assert_string_equal(applied(f, group_of(f, 9, "g", A, B, NULL)), "changed");
    assert_string_equal(applied(f, group_of(f, 9, "g", B, NULL)), "changed");
    assert_string_equal(applied(f, group_of(f, 9, "g", NULL)), "changed -member=" B "[1]");
}

// Through two renames, of which the group has seen neither.
static void chain_of_names_is_followed(void **state)
{
    struct fixture *f = *state;
    applied(f, user_of(f, 1, "a"));
    applied(f, group_of(f, 9, "g", A, NULL));
    applied(f, user_of(f, 1, "b"));
    applied(f, user_of(f, 1, "c"));
    assert_string_equal(applied(f, group_of(f, 9, "g", "uid=c,ou=people,dc=x", NULL)), "changed");
    applied(f, user_of(f, 1, "a")); // and back
    assert_string_equal(found_by_dn(f, "uid=c,ou=people,dc=x"), "1");
    assert_string_equal(applied(f, group_of(f, 9, "g", A, NULL)), "changed");
}

// The alias is gone once the name is somebody else's: then it is another member.
static void taken_name_is_another_member(void **state)
{
    struct fixture *f = *state;
    applied(f, user_of(f, 1, "a"));
    applied(f, group_of(f, 9, "g", A, NULL));
    applied(f, user_of(f, 1, "b"));
    applied(f, user_of(f, 2, "a"));
    assert_string_equal(applied(f, group_of(f, 9, "g", A, B, NULL)), "changed +member=" B "[1]");
}

static void branch_moves_with_its_root(void **state)
{
    struct fixture *f = *state;
    applied(f, entry_of(f, 1, "ou=old,dc=x", "ou", "old", NULL));
    applied(f, entry_of(f, 2, "ou=deep,ou=old,dc=x", "ou", "deep", NULL));
    applied(f, entry_of(f, 3, "uid=a+cn=b\\,c,ou=deep,ou=old,dc=x", "uid", "a", NULL));
    applied(f, entry_of(f, 4, "uid=z,ou=older,dc=x", "uid", "z", NULL));
    applied(f, group_of(f, 9, "g", "uid=a+cn=b\\,c,ou=deep,ou=old,dc=x", NULL));
    assert_string_equal(applied(f, entry_of(f, 1, "ou=New,dc=x", "ou", "New", NULL)), "changed renamed");
    assert_int_equal(f->moved.count, 2);
    assert_string_equal(delta_text(f, f->moved.items[0]), "changed moved renamed");
    assert_string_equal(f->moved.items[1]->old->dn, "uid=a+cn=b\\,c,ou=deep,ou=old,dc=x");
    assert_string_equal(f->moved.items[1]->new->dn, "uid=a+cn=b\\,c,ou=deep,ou=New,dc=x");
    assert_string_equal(entry_text(f->moved.items[1]->new, "uid"), "a");
    assert_string_equal(dn_of(f, 3), "uid=a+cn=b\\,c,ou=deep,ou=New,dc=x");
    assert_string_equal(dn_of(f, 4), "uid=z,ou=older,dc=x");
    assert_string_equal(found_by_dn(f, "CN=b\\2cc+UID=a,ou=deep,ou=old,dc=x"), "3");
    // What the server says of the child afterwards is what we have; and refint's rewriting is no news.
    assert_string_equal(applied(f, entry_of(f, 3, "uid=a+cn=b\\,c,ou=deep,ou=New,dc=x", "uid", "a", NULL)), "none");
    assert_string_equal(applied(f, group_of(f, 9, "g", "uid=a+cn=b\\,c,ou=deep,ou=New,dc=x", NULL)), "changed");
}

static void large_branch_moves(void **state)
{
    struct fixture *f = *state;
    begin(f);
    apply_text(f, entry_of(f, 1, "ou=old,dc=x", "ou", "old", NULL));
    for (int i = 0; i < 1000; i++)
        apply_text(f, entry_of(f, 100 + i, talloc_asprintf(f, "uid=u%d,ou=old,dc=x", i), "sn", "x", NULL));
    commit(f);
    assert_string_equal(applied(f, entry_of(f, 1, "ou=new,dc=x", "ou", "new", NULL)), "changed renamed");
    assert_int_equal(f->moved.count, 1000);
    assert_string_equal(dn_of(f, 777), "uid=u677,ou=new,dc=x");
    assert_string_equal(found_by_dn(f, "uid=u677,ou=old,dc=x"), "777");
    assert_string_equal(applied(f, entry_of(f, 777, "uid=u677,ou=new,dc=x", "sn", "x", NULL)), "none");
}

static void names_are_exchanged_step_by_step(void **state)
{
    struct fixture *f = *state;
    applied(f, user_of(f, 1, "a"));
    applied(f, user_of(f, 2, "b"));
    applied(f, group_of(f, 9, "g", A, NULL));
    begin(f);
    assert_string_equal(apply_text(f, user_of(f, 1, "tmp")), "changed renamed");
    assert_string_equal(apply_text(f, user_of(f, 2, "a")), "changed renamed");
    assert_string_equal(apply_text(f, user_of(f, 1, "b")), "changed renamed");
    commit(f);
    assert_string_equal(found_by_dn(f, A), "2");
    assert_string_equal(found_by_dn(f, B), "1");
    assert_string_equal(found_by_dn(f, "uid=tmp,ou=people,dc=x"), "1");
    // refint: the group goes on meaning entry 1, whose name is B now.
    assert_string_equal(applied(f, group_of(f, 9, "g", B, NULL)), "changed +member=" B "[1] -member=" A "[2]");
}

// A refresh shows only the end: for a moment both claim one name.
static void names_are_exchanged_at_once(void **state)
{
    struct fixture *f = *state;
    applied(f, entry_of(f, 1, "ou=a,dc=x", "ou", "a", NULL));
    applied(f, entry_of(f, 2, "ou=b,dc=x", "ou", "b", NULL));
    applied(f, entry_of(f, 11, "uid=of-a,ou=a,dc=x", "sn", "x", NULL));
    applied(f, entry_of(f, 12, "uid=of-b,ou=b,dc=x", "sn", "x", NULL));
    applied(f, entry_of(f, 21, "uid=same,ou=a,dc=x", "sn", "x", NULL));
    applied(f, entry_of(f, 22, "uid=same,ou=b,dc=x", "sn", "x", NULL));
    begin(f);
    assert_string_equal(apply_text(f, entry_of(f, 1, "ou=b,dc=x", "ou", "b", NULL)), "changed renamed");
    assert_int_equal(f->moved.count, 2);
    assert_string_equal(apply_text(f, entry_of(f, 2, "ou=a,dc=x", "ou", "a", NULL)), "changed renamed");
    assert_int_equal(f->moved.count, 2);
    commit(f);
    static const struct { int number; const char *dn; } want[] = {
        { 1, "ou=b,dc=x" }, { 2, "ou=a,dc=x" }, { 11, "uid=of-a,ou=b,dc=x" }, { 12, "uid=of-b,ou=a,dc=x" },
        { 21, "uid=same,ou=b,dc=x" }, { 22, "uid=same,ou=a,dc=x" },
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        assert_string_equal(dn_of(f, want[i].number), want[i].dn);
        assert_string_equal(found_by_dn(f, want[i].dn), talloc_asprintf(f, "%d", want[i].number));
    }
    // Nothing is left over that the server would have to say again.
    assert_string_equal(applied(f, entry_of(f, 22, "uid=same,ou=a,dc=x", "sn", "x", NULL)), "none");
    applied(f, entry_of(f, 1, "ou=c,dc=x", "ou", "b", NULL));
    assert_int_equal(f->moved.count, 2);
    assert_string_equal(dn_of(f, 21), "uid=same,ou=c,dc=x");
}

static void parked_entry_that_keeps_its_name_was_not_renamed(void **state)
{
    struct fixture *f = *state;
    applied(f, user_of(f, 1, "a"));
    applied(f, user_of(f, 2, "b"));
    applied(f, user_of(f, 2, "a"));
    assert_string_equal(applied(f, user_of(f, 2, "b")), "changed renamed");
    assert_string_equal(applied(f, user_of(f, 1, "a")), "changed");
    assert_string_equal(found_by_dn(f, A), "1");
    assert_string_equal(found_by_dn(f, B), "2");
}

// --- collisions --------------------------------------------------------------------------------------------------------

static void collisions_are_refused_in_words(void **state)
{
    struct fixture *f = *state;
    applied(f, user_of(f, 1, "a"));
    applied(f, group_of(f, 9, "g", OUT, NULL));
    directory_store_close(f->store);
    f->store = NULL;
    // As if other names had these hashes.
    file_sql(f->path, "UPDATE content SET dn = 'uid=q,ou=people,dc=x' WHERE dn = '" A "'; "
                      "UPDATE outside SET value = 'uid=r,dc=y'");
    assert_done(f, directory_store_open(f, f->path, "corp", STORE_WRITE, &f->store, &f->err));
    directory_store_flavour(f->store, f->flavour);
    const struct entry *entries[] = { user_of(f, 2, "a"), group_of(f, 8, "h", A, NULL), group_of(f, 8, "h", OUT, NULL),
                                      entry_of(f, 3, OUT, "cn", "x", NULL) };
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        begin(f);
        f->err = (struct error){ 0 };
        assert_int_equal(directory_store_apply(f->store, f, entries[i], &f->delta, NULL, &f->err), -1);
        assert_int_equal(f->err.code, STORE_FAILED);
        assert_non_null(strstr(f->err.text, "same 64-bit hash"));
        directory_store_rollback(f->store);
    }
    struct entry *entry;
    bool former;
    assert_int_equal(directory_store_by_dn(f->store, f, A, &entry, &former, &f->err), -1);
    assert_int_equal(f->err.code, STORE_FAILED);
}

// --- transactions ------------------------------------------------------------------------------------------------------

static struct source_state *state_of(struct fixture *f)
{
    struct source_state *state;
    assert_done(f, directory_store_state(f->store, f, &state, &f->err));
    return state;
}

static void commit_depends_on_the_cookie(void **state)
{
    struct fixture *f = *state;
    struct source_state *first = state_of(f), *late = state_of(f);
    assert_null(first->cookie);
    assert_false(first->loaded);
    first->cookie = talloc_strdup(f, "rid=001,csn=1");
    first->source = talloc_strdup(f, "syncrepl");
    first->loaded = true;
    first->caught_up = 17;
    begin(f);
    apply_text(f, user_of(f, 1, "a"));
    assert_done(f, directory_store_commit(f->store, first, &f->err));
    assert_int_equal(first->version, late->version + 1);
    begin(f);
    apply_text(f, user_of(f, 2, "b"));
    late->cookie = talloc_strdup(f, "rid=001,csn=0");
    assert_int_equal(directory_store_commit(f->store, late, &f->err), -1);
    assert_int_equal(f->err.code, STORE_CONFLICT);
    assert_string_equal(found_by_number(f, 2), "none");
    struct mirror_counts counts;
    assert_done(f, directory_store_counts(f->store, &counts, &f->err));
    assert_int_equal(counts.entries, 1);
    fixture_reopen(f);
    struct source_state *read = state_of(f);
    assert_string_equal(read->cookie, "rid=001,csn=1");
    assert_string_equal(read->source, "syncrepl");
    assert_null(read->flavour);
    assert_true(read->loaded);
    assert_int_equal(read->caught_up, 17);
    assert_int_equal(read->version, first->version);
    assert_string_equal(found_by_number(f, 1), "1");
}

static void what_was_not_committed_never_was(void **state)
{
    struct fixture *f = *state;
    applied(f, user_of(f, 1, "a"));
    begin(f);
    // The first links of their attribute: its number is rolled back too.
    apply_text(f, group_of(f, 9, "g", A, NULL));
    delete_text(f, 1);
    fixture_reopen(f);
    assert_string_equal(found_by_number(f, 1), "1");
    assert_string_equal(found_by_number(f, 9), "none");
    begin(f);
    apply_text(f, group_of(f, 9, "g", A, NULL));
    directory_store_rollback(f->store);
    assert_string_equal(applied(f, group_of(f, 8, "h", A, NULL)), "created +member=" A "[1]");
    assert_string_equal(links_text(f, 8), "member=" A "[1]");
    fixture_reopen(f);
    assert_string_equal(links_text(f, 8), "member=" A "[1]");
}

static void store_of_another_directory_is_refused(void **state)
{
    struct fixture *f = *state;
    directory_store_close(f->store);
    f->store = NULL;
    assert_int_equal(directory_store_open(f, f->path, "other", STORE_WRITE, &f->store, &f->err), -1);
    assert_int_equal(f->err.code, STORE_FAILED);
    assert_non_null(strstr(f->err.text, "\"corp\""));
    f->store = NULL;
}

// --- first load --------------------------------------------------------------------------------------------------------

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

// --- a refresh ---------------------------------------------------------------------------------------------------------

static void stage_begin(struct fixture *f)
{
    assert_done(f, directory_store_stage_begin(f->store, &f->err));
}

static void stage(struct fixture *f, const struct entry *entry)
{
    assert_done(f, directory_store_stage(f->store, entry, &f->err));
}

static struct stage_summary stage_end(struct fixture *f, bool sweep)
{
    struct stage_summary summary;
    assert_done(f, directory_store_stage_end(f->store, sweep, &summary, &f->err));
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
        text = talloc_asprintf_append(text, "%s%d:%s", i ? ", " : "", number_of(&entries[i]->uuid), apply_text(f, entries[i]));
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
        text = talloc_asprintf_append(text, "%s%d:%s", i ? ", " : "", number_of(&uuids[i]), delete_text(f, number_of(&uuids[i])));
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
    struct stage_summary summary = stage_end(f, true);
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
    struct stage_summary summary = stage_end(f, false);
    assert_int_equal(summary.gone, 1);
    assert_int_equal(summary.differing, 0);
    assert_string_equal(stage_apply(f, 10), "");
    assert_string_equal(stage_gone(f, 10), "2:deleted");
    directory_store_stage_drop(f->store);
    stage_begin(f);
    assert_int_equal(stage_end(f, false).gone, 0);
    directory_store_stage_drop(f->store);
    stage_begin(f);
    assert_int_equal(stage_end(f, true).gone, 1);
    directory_store_stage_drop(f->store);
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
    struct stage_summary summary = stage_end(f, true);
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
    applied(f, entry_of(f, 1, "ou=a,dc=x", "ou", "a", NULL));
    applied(f, entry_of(f, 2, "ou=b,dc=x", "ou", "b", NULL));
    applied(f, entry_of(f, 11, "uid=of-a,ou=a,dc=x", "sn", "x", NULL));
    applied(f, entry_of(f, 12, "uid=of-b,ou=b,dc=x", "sn", "x", NULL));
    stage_begin(f);
    stage(f, entry_of(f, 12, "uid=of-b,ou=a,dc=x", "sn", "x", NULL)); // a child before its parent
    stage(f, entry_of(f, 11, "uid=of-a,ou=b,dc=x", "sn", "x", NULL));
    stage(f, entry_of(f, 2, "ou=a,dc=x", "ou", "a", NULL));
    stage(f, entry_of(f, 1, "ou=b,dc=x", "ou", "b", NULL));
    stage_end(f, true);
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
    stage_end(f, true);
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
    assert_int_equal(stage_end(f, true).differing, 2);
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
    stage_end(f, true);
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
    stage_end(f, false);
    assert_string_equal(links_text(f, 9), "member=" A "[1] member=" B "[2]");
    struct uuid uuid = uuid_of(9);
    size_t count;
    assert_done(f, directory_store_count_links(f->store, &uuid, "member", &count, &f->err));
    assert_int_equal(count, 2);
    directory_store_stage_drop(f->store);
    assert_string_equal(links_text(f, 9), "");
}

static int count_entries(void *context, const struct entry *entry)
{
    (void)entry;
    return ++*(int *)context == 3;
}

static void each_calls_for_what_matches(void **state)
{
    struct fixture *f = *state;
    for (int i = 1; i <= 5; i++)
        applied(f, user_of(f, i, talloc_asprintf(f, "u%d", i)));
    applied(f, group_of(f, 9, "g", NULL));
    struct filter *filter = filter_parse(f, "(cn=g)", &f->err);
    int count = 0;
    assert_done(f, directory_store_each(f->store, filter, count_entries, &count, &f->err));
    assert_int_equal(count, 1);
    count = 0;
    assert_done(f, directory_store_each(f->store, NULL, count_entries, &count, &f->err));
    assert_int_equal(count, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(entry_comes_changes_and_goes),
        TEST(order_of_values_is_no_change),
        TEST(spelling_of_a_dn_is_kept_but_no_rename),
        TEST(entry_without_uuid_is_refused),
        TEST(recreated_under_the_same_dn_is_another),
        TEST(recreated_before_the_delete_comes),
        TEST(comes_back_after_leaving_the_view),
        TEST(links_are_gained_and_lost),
        TEST(targets_outside_keep_their_text),
        TEST(member_of_a_deleted_user_is_still_told_by_name),
        TEST(uids_are_links_too),
        TEST(attributes_are_apart),
        TEST(one_member_more_is_one_row),
        TEST(changed_flavour_map_is_no_change_of_links),
        TEST(former_name_is_an_alias_until_taken),
        TEST(rewritten_member_after_a_rename_is_no_news),
        TEST(both_names_are_one_member),
        TEST(chain_of_names_is_followed),
        TEST(taken_name_is_another_member),
        TEST(branch_moves_with_its_root),
        TEST(large_branch_moves),
        TEST(names_are_exchanged_step_by_step),
        TEST(names_are_exchanged_at_once),
        TEST(parked_entry_that_keeps_its_name_was_not_renamed),
        TEST(collisions_are_refused_in_words),
        TEST(commit_depends_on_the_cookie),
        TEST(what_was_not_committed_never_was),
        TEST(store_of_another_directory_is_refused),
        TEST(load_fills_the_mirror),
        TEST(load_takes_the_last_of_what_comes_twice),
        TEST(aborted_load_leaves_what_was),
        TEST(refresh_finds_what_differs),
        TEST(refresh_without_sweep_keeps_the_unmentioned),
        TEST(last_word_of_a_refresh_counts),
        TEST(refresh_exchanges_names_and_moves_branches),
        TEST(refresh_knows_names_to_come),
        TEST(other_transactions_run_while_staging),
        TEST(crashed_refresh_is_forgotten),
        TEST(staged_links_are_found),
        TEST(each_calls_for_what_matches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

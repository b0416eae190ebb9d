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

// --- one entry -----------------------------------------------------------------------------------

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
    assert_string_equal(applied(f, entry_of(f, 1, A, "sn", "two", "cn", "three", "cn", "one", NULL)),
                        "changed");
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

// --- links ---------------------------------------------------------------------------------------

static void links_are_gained_and_lost(void **state)
{
    struct fixture *f = *state;
    applied(f, user_of(f, 1, "a"));
    applied(f, user_of(f, 2, "b"));
    assert_string_equal(applied(f, group_of(f, 9, "g", A, NULL)), "created +member=" A "[1]");
    assert_null(entry_attribute(f->delta->new, "member"));
    assert_string_equal(applied(f, group_of(f, 9, "g", A, B, NULL)), "changed +member=" B "[2]");
    assert_string_equal(applied(f, group_of(f, 9, "g", B, A, NULL)), "none");
    assert_string_equal(applied(f, group_of(f, 9, "g", "UID=B , ou=people,dc=x", NULL)),
                        "changed -member=" A "[1]");
    assert_string_equal(applied(f, group_of(f, 9, "g", B, B, NULL)), "none");
    assert_string_equal(links_text(f, 9), "member=" B "[2]");
    assert_string_equal(deleted(f, 9), "deleted -member=" B "[2]");
}

static void targets_outside_keep_their_text(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(applied(f, group_of(f, 9, "g", OUT, A, NULL)),
                        "created +member=" A "[-] +member=" OUT "[-]");
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
    assert_string_equal(applied(f, entry_of(f, 9, dn, "memberUid", "aa", "memberUid", "zz", NULL)),
                        "changed");
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
    assert_string_equal(applied(f, entry_of(f, 9, "cn=g,dc=x", "owner", A, NULL)),
                        "changed -member=" A "[1]");
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
    assert_string_equal(
        applied(f, entry_of(f, 9, "cn=g,dc=x", "responsible", A, "responsible", B, "member", A, NULL)),
        "changed +responsible=" B "[-]");
    assert_null(entry_attribute(f->delta->old, "responsible"));
    assert_string_equal(links_text(f, 9), "member=" A "[1] responsible=" A "[1] responsible=" B "[-]");
    // And back.
    f->flavour->attributes[ROLE_OWNER] = was;
    directory_store_flavour(f->store, f->flavour);
    assert_string_equal(applied(f, entry_of(f, 9, "cn=g,dc=x", "responsible", A, "member", A, NULL)),
                        "changed");
    assert_int_equal(entry_attribute(f->delta->old, "responsible")->count, 2);
    assert_int_equal(entry_attribute(f->delta->new, "responsible")->count, 1);
    assert_string_equal(links_text(f, 9), "member=" A "[1]");
}

// --- renames -------------------------------------------------------------------------------------

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

// refint rewrites `member` silently; the next message of the group shows the old DN gone and the new one
// there.
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
    assert_string_equal(applied(f, entry_of(f, 3, "uid=a+cn=b\\,c,ou=deep,ou=New,dc=x", "uid", "a", NULL)),
                        "none");
    assert_string_equal(applied(f, group_of(f, 9, "g", "uid=a+cn=b\\,c,ou=deep,ou=New,dc=x", NULL)),
                        "changed");
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
    assert_string_equal(applied(f, group_of(f, 9, "g", B, NULL)),
                        "changed +member=" B "[1] -member=" A "[2]");
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
    static const struct {
        int number;
        const char *dn;
    } want[] = {
        { 1, "ou=b,dc=x" },           { 2, "ou=a,dc=x" },           { 11, "uid=of-a,ou=b,dc=x" },
        { 12, "uid=of-b,ou=a,dc=x" }, { 21, "uid=same,ou=b,dc=x" }, { 22, "uid=same,ou=a,dc=x" },
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

// A branch that is made anew under the old one's name, whose children stay where they are.
static void children_of_a_replaced_parent_follow_the_new_one(void **state)
{
    struct fixture *f = *state;
    applied(f, entry_of(f, 1, "ou=a,dc=x", "ou", "a", NULL));
    applied(f, entry_of(f, 11, "uid=c,ou=a,dc=x", "sn", "x", NULL));
    assert_string_equal(applied(f, entry_of(f, 2, "ou=a,dc=x", "ou", "a", NULL)), "created");
    assert_string_equal(deleted(f, 1), "deleted");
    assert_string_equal(applied(f, entry_of(f, 2, "ou=b,dc=x", "ou", "a", NULL)), "changed renamed");
    assert_int_equal(f->moved.count, 1);
    assert_string_equal(dn_of(f, 11), "uid=c,ou=b,dc=x");
}

// --- collisions ----------------------------------------------------------------------------------

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
    const struct entry *entries[] = { user_of(f, 2, "a"), group_of(f, 8, "h", A, NULL),
                                      group_of(f, 8, "h", OUT, NULL), entry_of(f, 3, OUT, "cn", "x", NULL) };
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

// --- transactions --------------------------------------------------------------------------------

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
        TEST(children_of_a_replaced_parent_follow_the_new_one),
        TEST(collisions_are_refused_in_words),
        TEST(commit_depends_on_the_cookie),
        TEST(what_was_not_committed_never_was),
        TEST(store_of_another_directory_is_refused),
        TEST(each_calls_for_what_matches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/control/peer.h"

static struct peer peer_named(const char *name, uid_t uid, gid_t gid)
{
    struct peer peer = { .uid = uid, .gid = gid };
    snprintf(peer.name, sizeof peer.name, "%s", name);
    return peer;
}

static void test_rights(void **state)
{
    (void)state;
    char operator_name[] = "olivia", reader_name[] = "rita", group[] = "@daemon", absent_group[] = "@no-such-group";
    char *operators[] = { operator_name, group, NULL }, *readers[] = { reader_name, absent_group, NULL };
    struct config_control config = { .operators = { operators, 2 }, .readers = { readers, 2 } };
    gid_t daemon_gid = getgrnam("daemon")->gr_gid;
    const struct {
        const char *name;
        uid_t uid;
        gid_t gid;
        enum peer_right right;
    } rows[] = {
        { "root", 0, 0, PEER_OPERATE },
        { "ourselves", geteuid(), 70000, PEER_OPERATE },
        { "olivia", 70001, 70001, PEER_OPERATE },
        { "rita", 70002, 70002, PEER_READ },
        { "grouped", 70003, daemon_gid, PEER_OPERATE },
        { "stranger", 70004, 70004, PEER_NOTHING },
        { "olivi", 70005, 70005, PEER_NOTHING },
        { "@daemon", 70006, 70006, PEER_NOTHING },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct peer peer = peer_named(rows[i].name, rows[i].uid, rows[i].gid);
        if (peer_right(&config, &peer) != rows[i].right)
            fail_msg("%s has right %d, not %d", rows[i].name, (int)peer_right(&config, &peer), (int)rows[i].right);
    }
}

static void test_nobody_is_listed(void **state)
{
    (void)state;
    struct config_control config = { 0 };
    struct peer peer = peer_named("olivia", 70001, 70001);
    assert_int_equal(peer_right(&config, &peer), PEER_NOTHING);
}

static void test_kernel_says_who(void **state)
{
    (void)state;
    int pair[2];
    struct peer peer;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(peer_of(pair[0], &peer), 0);
    assert_int_equal(peer.uid, geteuid());
    assert_int_equal(peer.pid, getpid());
    assert_string_equal(peer.name, getpwuid(geteuid())->pw_name);
    close(pair[0]);
    close(pair[1]);
    assert_int_equal(peer_of(pair[0], &peer), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rights),
        cmocka_unit_test(test_nobody_is_listed),
        cmocka_unit_test(test_kernel_says_who),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

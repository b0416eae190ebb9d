// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <event2/event.h>

#include "base/clock.h"
#include "directory/schema.h"
#include "scripted_server.h"
#include "sink_recorder.h"
#include "source/source.h"

#define PATIENCE 10000 // milliseconds

#define CSN(second, sid) "202611201000" second ".000000Z#000000#" sid "#000000"
#define OLD "rid=000,csn=" CSN("05", "000")
#define NEW "rid=000,csn=" CSN("09", "000")
#define NEW_SID "rid=000,sid=001,csn=" CSN("09", "000")

#define ENTRY(n, name)                                                                                       \
    {                                                                                                        \
        .kind = STEP_ENTRY, .state = 1, .id = n, .dn = "cn=" name ",dc=x", .attributes = "cn=" name "\0"     \
    }
#define OLD_ENTRY(n, name)                                                                                   \
    {                                                                                                        \
        .kind = STEP_ENTRY, .state = 1, .id = n, .dn = "cn=" name ",dc=x",                                   \
        .attributes = "entryCSN=" CSN("01", "000") "\0"                                                      \
    }
#define NEW_ENTRY(n, name)                                                                                   \
    {                                                                                                        \
        .kind = STEP_ENTRY, .state = 1, .id = n, .dn = "cn=" name ",dc=x",                                   \
        .attributes = "entryCSN=" CSN("08", "000") "\0"                                                      \
    }
#define CHANGE(how, n, name, at)                                                                             \
    {                                                                                                        \
        .kind = STEP_ENTRY, .state = how, .id = n, .dn = "cn=" name ",dc=x", .attributes = "cn=" name "\0",  \
        .cookie = at                                                                                         \
    }
#define LOADED                                                                                               \
    ENTRY(1, "a"),                                                                                           \
    {                                                                                                        \
        .kind = STEP_DELETE, .cookie = NEW_SID                                                               \
    }
#define LOADED_TEXT "begin whole\nentry 01 cn=a,dc=x cn=a\nend unmentioned " NEW "\n"

struct flow {
    TALLOC_CTX *ctx;
    struct scripted_server server;
    struct config_directory config;
    struct view view;
    struct session *session;
    struct event_base *loop;
    struct sink_recorder *recorder;
    struct source *source;
};

static const char *wanted[] = { "cn", "entryCSN", "mail", "member", NULL };

static struct flow *flow_open(const struct step *steps, const char *vendor, size_t chunk)
{
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct flow *flow = talloc_zero(ctx, struct flow);
    struct error err;

    flow->ctx = ctx;
    scripted_server_start(&flow->server, steps, vendor, chunk);
    flow->config = (struct config_directory){
        .name = talloc_strdup(flow, "test"),
        .base = talloc_strdup(flow, "dc=x"),
        .bind_dn = talloc_strdup(flow, "cn=reader"),
        .bind_password = { .value = talloc_strdup(flow, "secret") },
        .auth = CONFIG_AUTH_SIMPLE,
        .tls = CONFIG_TLS_NONE,
        .connect_timeout = 5000,
        .operation_timeout = 5000,
    };
    flow->config.uri.items = talloc_zero_array(flow, char *, 2);
    flow->config.uri.items[0] = talloc_asprintf(flow, "ldap://127.0.0.1:%d", flow->server.port);
    flow->config.uri.count = 1;
    for (size_t i = 0; wanted[i]; i++)
        wanted[i] = schema_canonical(wanted[i], strlen(wanted[i]));
    flow->view = (struct view){ .bind_dn = "cn=reader",
                                .base = "dc=x",
                                .filter = "(objectClass=*)",
                                .attributes = wanted,
                                .attribute_count = 4,
                                .flavour = "" };
    flow->session = session_new(flow, &flow->config, NULL);
    if (session_open(flow->session, &err) < 0)
        fail_msg("%s", err.text);
    flow->loop = event_base_new();
    flow->recorder = sink_recorder_new(flow);
    flow->recorder->loop = flow->loop;
    return flow;
}

static void flow_start(struct flow *flow, const char *cookie)
{
    struct error err;
    flow->source = source_syncrepl.start(flow, flow->loop, flow->session, &flow->view, cookie,
                                         &flow->recorder->sink, &err);
    if (!flow->source)
        fail_msg("%s", err.text);
}

// Runs until the sink was told `expected`, and nothing else.
static void flow_expect(struct flow *flow, const char *expected)
{
    static const struct timeval tick = { .tv_usec = 20000 };
    int64_t until = clock_monotonic() + PATIENCE;

    while (strcmp(flow->recorder->text, expected) != 0 && !flow->recorder->failed &&
           clock_monotonic() < until) {
        event_base_loopexit(flow->loop, &tick);
        event_base_loop(flow->loop, EVLOOP_ONCE);
    }
    for (int i = 0; i < 5; i++)
        event_base_loop(flow->loop, EVLOOP_NONBLOCK);
    sink_recorder_expect(flow->recorder, expected);
}

static void flow_close(struct flow *flow)
{
    if (flow->source)
        source_stop(flow->source);
    session_close(flow->session);
    scripted_server_stop(&flow->server);
    event_base_free(flow->loop);
    talloc_free(flow->ctx);
}

// One connection from beginning to end.
static void flow_play(const char *cookie, const struct step *steps, const char *expected)
{
    struct flow *flow = flow_open(steps, NULL, 0);
    flow_start(flow, cookie);
    flow_expect(flow, expected);
    flow_close(flow);
}

static void flow_play_failing(const char *cookie, const struct step *steps, const char *expected,
                              const char *words)
{
    struct flow *flow = flow_open(steps, NULL, 0);
    flow_start(flow, cookie);
    flow_expect(flow, expected);
    if (!strstr(flow->recorder->error.text, words))
        fail_msg("\"%s\" does not say \"%s\"", flow->recorder->error.text, words);
    flow_close(flow);
}

// --- requests ---

// The server's word on our search.
static char *flow_asked(struct flow *flow)
{
    char *line = scripted_server_line(&flow->server);
    while (line[0] != '\0' && strncmp(line, "search", 6) != 0) {
        free(line);
        line = scripted_server_line(&flow->server);
    }
    return line;
}

static void assert_asked(const char *cookie, const char *expected)
{
    static const struct step steps[] = { LOADED, { .kind = STEP_END } };
    struct flow *flow = flow_open(steps, NULL, 0);
    flow_start(flow, cookie);
    char *line = flow_asked(flow);
    assert_string_equal(line, expected);
    free(line);
    flow_close(flow);
}

static void test_request(void **state)
{
    (void)state;
    assert_asked(NULL, "search base=dc=x size=0 attributes=cn,entryCSN,mail,member, cookie= manage=1");
    // Another provider's sid would make this one hold back changes.
    assert_asked("rid=000,sid=002,csn=" CSN("05", "002"),
                 "search base=dc=x size=0 attributes=cn,entryCSN,mail,member, cookie=rid=000,csn=" CSN(
                     "05", "002") " manage=1");
    assert_asked("csn=" CSN("05", "002"),
                 "search base=dc=x size=0 attributes=cn,entryCSN,mail,member, cookie=rid=000,csn=" CSN(
                     "05", "002") " manage=1");
    assert_asked("", "search base=dc=x size=0 attributes=cn,entryCSN,mail,member, cookie= manage=1");
}

static void test_stop(void **state)
{
    (void)state;
    static const struct step steps[] = { LOADED, { .kind = STEP_END } };
    struct flow *flow = flow_open(steps, NULL, 0);
    flow_start(flow, NULL);
    flow_expect(flow, LOADED_TEXT);
    free(flow_asked(flow));
    source_stop(flow->source);
    flow->source = NULL;
    char *line = scripted_server_line(&flow->server);
    assert_string_equal(line, "abandon");
    free(line);
    sink_recorder_expect(flow->recorder, "");
    flow_close(flow);
}

// --- refreshes ---

static void test_whole(void **state)
{
    (void)state;
    static const struct step steps[] = {
        ENTRY(1, "a"), ENTRY(2, "b"), { .kind = STEP_DELETE, .cookie = NEW_SID }, { .kind = STEP_END }
    };
    static const struct step present[] = { ENTRY(1, "a"),
                                           { .kind = STEP_PRESENT, .cookie = NEW },
                                           { .kind = STEP_END } };
    static const struct step empty[] = { { .kind = STEP_DELETE }, { .kind = STEP_END } };
    flow_play(NULL, steps,
              "begin whole\nentry 01 cn=a,dc=x cn=a\nentry 02 cn=b,dc=x cn=b\nend unmentioned " NEW "\n");
    flow_play(NULL, present, "begin whole\nentry 01 cn=a,dc=x cn=a\nend unmentioned " NEW "\n");
    // A server that never saw a write has no cookie to give.
    flow_play(NULL, empty, "begin whole\nend unmentioned \n");
}

static void test_nothing_changed(void **state)
{
    (void)state;
    static const struct step steps[] = { { .kind = STEP_DELETE }, { .kind = STEP_END } };
    flow_play(OLD, steps, "begin changes\nend no " OLD "\n");
}

static void test_delete_phase(void **state)
{
    (void)state;
    static const struct step steps[] = {
        { .kind = STEP_SET_DELETE, .ids = "\x07\x08", .cookie = "rid=000,csn=" CSN("06", "000") },
        NEW_ENTRY(1, "a"),
        CHANGE(3, 9, "z", NULL),
        { .kind = STEP_DELETE, .cookie = NEW_SID },
        { .kind = STEP_END }
    };
    flow_play(OLD, steps,
              "begin changes\ngone 07 08\nentry 01 cn=a,dc=x entryCSN=" CSN(
                  "08", "000") "\ngone 09\nend no " NEW "\n");
}

static void test_present_phase(void **state)
{
    (void)state;
    static const struct step steps[] = {
        { .kind = STEP_SET_PRESENT, .ids = "\x01\x02" }, NEW_ENTRY(3, "c"),
        { .kind = STEP_SET_PRESENT, .ids = "\x04" },     CHANGE(0, 5, "e", NULL),
        { .kind = STEP_PRESENT, .cookie = NEW_SID },     { .kind = STEP_END }
    };
    flow_play(OLD, steps,
              "begin changes\npresent 01 02\nentry 03 cn=c,dc=x entryCSN=" CSN(
                  "08", "000") "\npresent 04\npresent 05\nend unmentioned " NEW "\n");
}

static void test_both_phases(void **state)
{
    (void)state;
    static const struct step steps[] = { { .kind = STEP_SET_PRESENT, .ids = "\x01\x02" },
                                         { .kind = STEP_PRESENT, .more = true },
                                         NEW_ENTRY(3, "c"),
                                         { .kind = STEP_SET_DELETE, .ids = "\x02" },
                                         { .kind = STEP_DELETE, .cookie = NEW_SID },
                                         { .kind = STEP_END } };
    flow_play(OLD, steps,
              "begin changes\npresent 01 02\nentry 03 cn=c,dc=x entryCSN=" CSN(
                  "08", "000") "\ngone 02\nend unmentioned " NEW "\n");
}

// The server could not use the cookie and closes with refreshDelete all the same: an entry older than the
// cookie says so.
static void test_cookie_ignored(void **state)
{
    (void)state;
    static const struct step steps[] = {
        OLD_ENTRY(1, "a"), NEW_ENTRY(2, "b"), { .kind = STEP_DELETE, .cookie = NEW_SID }, { .kind = STEP_END }
    };
    static const struct step empty[] = { OLD_ENTRY(1, "a"),
                                         { .kind = STEP_DELETE, .cookie = "" },
                                         { .kind = STEP_END } };
    static const struct step equal[] = { { .kind = STEP_ENTRY,
                                           .state = 1,
                                           .id = 1,
                                           .dn = "cn=a,dc=x",
                                           .attributes = "entryCSN=" CSN("05", "000") "\0" },
                                         { .kind = STEP_DELETE, .cookie = NEW_SID },
                                         { .kind = STEP_END } };
    flow_play(OLD, steps,
              "begin changes\nentry 01 cn=a,dc=x entryCSN=" CSN(
                  "01", "000") "\nentry 02 cn=b,dc=x entryCSN=" CSN("08", "000") "\nend unmentioned " NEW
                                                                                 "\n");
    // … and gives no cookie either: its state is unknown, so everything has to be asked for.
    flow_play_failing(OLD, empty,
                      "begin changes\nentry 01 cn=a,dc=x entryCSN=" CSN("01", "000") "\nfailed refused\n",
                      "could not use the cookie");
    flow_play(OLD, equal,
              "begin changes\nentry 01 cn=a,dc=x entryCSN=" CSN("05", "000") "\nend no " NEW "\n");
}

static void test_lagging_provider(void **state)
{
    (void)state;
    static const struct step back[] = { { .kind = STEP_SET_PRESENT, .ids = "\x01" },
                                        { .kind = STEP_PRESENT, .cookie = "rid=000,csn=" CSN("03", "000") },
                                        { .kind = STEP_END } };
    static const struct step missing[] = {
        { .kind = STEP_PRESENT, .cookie = "rid=000,csn=" CSN("09", "001") }, { .kind = STEP_END }
    };
    static const struct step silent[] = { { .kind = STEP_SET_PRESENT, .ids = "\x01" },
                                          { .kind = STEP_PRESENT },
                                          { .kind = STEP_END } };
    static const struct step open[] = { { .kind = STEP_SET_PRESENT, .ids = "\x01" },
                                        { .kind = STEP_DELETE, .cookie = NEW },
                                        { .kind = STEP_END } };
    flow_play(OLD, back,
              "begin changes\npresent 01\nend no " OLD " (the CSN of sid 000 went back or is missing)\n");
    flow_play("rid=000,csn=" CSN("05", "000") ";" CSN("05", "001"), missing,
              "begin changes\nend no rid=000,csn=" CSN("05", "000") ";" CSN(
                  "09", "001") " (the CSN of sid 000 went back or is missing)\n");
    flow_play(OLD, silent,
              "begin changes\npresent 01\nend no " OLD " (the server closed its refresh without a cookie)\n");
    flow_play(OLD, open,
              "begin changes\npresent 01\nend no " NEW " (the list of present entries was not closed)\n");
}

static void test_refused(void **state)
{
    (void)state;
    static const struct step newer[] = {
        { .kind = STEP_DONE, .count = 53, .text = "consumer state is newer than provider!" },
        { .kind = STEP_END }
    };
    static const struct step required[] = {
        { .kind = STEP_DONE, .count = 4096, .text = "sync cookie is stale" }, { .kind = STEP_END }
    };
    static const struct step middle[] = { LOADED,
                                          CHANGE(2, 1, "a", NULL),
                                          { .kind = STEP_DONE, .count = 4096, .text = "" },
                                          { .kind = STEP_END } };
    flow_play_failing(OLD, newer, "failed refused\n", "refuses the sync cookie");
    flow_play_failing(OLD, required, "failed refused\n", "refuses the sync cookie");
    flow_play_failing(NULL, newer, "failed unsupported\n", "syncprov");
    // The base was renamed. What came before counts.
    flow_play_failing(NULL, middle,
                      LOADED_TEXT "entry 01 cn=a,dc=x cn=a\ncheckpoint " NEW "\nfailed refused\n",
                      "refuses the sync cookie");
}

static void test_limits(void **state)
{
    (void)state;
    static const size_t codes[] = { 3, 4, 11 };
    for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
        const struct step steps[] = { { .kind = STEP_SET_PRESENT, .ids = "\x01" },
                                      { .kind = STEP_DONE, .count = codes[i], .text = "" },
                                      { .kind = STEP_END } };
        flow_play_failing(OLD, steps, "begin changes\npresent 01\nfailed limit\n", "limits dn.exact");
    }
}

static void test_unsupported(void **state)
{
    (void)state;
    static const struct step critical[] = {
        { .kind = STEP_DONE, .count = 12, .text = "critical extension is unavailable" }, { .kind = STEP_END }
    };
    static const struct step plain[] = {
        { .kind = STEP_PLAIN_ENTRY, .dn = "cn=a,dc=x", .attributes = "cn=a\0" }, { .kind = STEP_END }
    };
    static const struct step ends[] = { ENTRY(1, "a"),
                                        { .kind = STEP_DONE, .count = 0, .text = "" },
                                        { .kind = STEP_END } };
    static const struct step empty[] = { { .kind = STEP_EMPTY_ENTRY }, { .kind = STEP_END } };
    static const struct step short_uuid[] = { { .kind = STEP_STATE_OCTETS,
                                                .dn = "cn=a,dc=x",
                                                .text = "\x30\x08\x0a\x01\x01\x04\x03xxx",
                                                .count = 10 },
                                              { .kind = STEP_END } };
    static const struct step bad_state[] = {
        { .kind = STEP_STATE_OCTETS, .dn = "cn=a,dc=x", .text = "\x30\x84\xff\xff\xff\xff", .count = 6 },
        { .kind = STEP_END }
    };
    static const struct step bad_set[] = {
        { .kind = STEP_INFO_OCTETS, .text = "\xa3\x06\x31\x04\x04\x02xx", .count = 8 }, { .kind = STEP_END }
    };
    static const struct step no_info[] = { { .kind = STEP_INFO_OCTETS, .text = "", .count = 0 },
                                           { .kind = STEP_END } };
    flow_play_failing(NULL, critical, "failed unsupported\n", "overlay syncprov");
    flow_play_failing(NULL, plain, "failed unsupported\n", "without Sync State control");
    flow_play_failing(NULL, ends, "begin whole\nentry 01 cn=a,dc=x cn=a\nfailed unsupported\n",
                      "was to go on");
    flow_play_failing(NULL, empty, "failed unsupported\n", "entry");
    flow_play_failing(NULL, short_uuid, "failed unsupported\n", "malformed Sync State");
    flow_play_failing(NULL, bad_state, "failed unsupported\n", "malformed Sync State");
    flow_play_failing(NULL, bad_set, "failed unsupported\n", "malformed Sync Info");
    flow_play_failing(NULL, no_info, "failed unsupported\n", "malformed Sync Info");
}

static void test_lost(void **state)
{
    (void)state;
    static const struct step refreshing[] = { ENTRY(1, "a"), { .kind = STEP_CLOSE } };
    static const struct step persisting[] = { LOADED,
                                              CHANGE(2, 1, "a", "rid=000,csn=" CSN("10", "000")),
                                              { .kind = STEP_CLOSE } };
    static const struct step garbage[] = {
        ENTRY(1, "a"),
        { .kind = STEP_OCTETS, .text = "GET / HTTP/1.0\r\n\r\n", .count = 18 },
        { .kind = STEP_CLOSE }
    };
    static const struct step huge[] = {
        { .kind = STEP_OCTETS, .text = "\x30\x84\x7f\xff\xff\xff\x02\x01\x02", .count = 9 },
        { .kind = STEP_CLOSE }
    };
    static const struct step unavailable[] = { LOADED,
                                               { .kind = STEP_DONE, .count = 52, .text = "shutting down" },
                                               { .kind = STEP_END } };
    flow_play_failing(NULL, refreshing, "begin whole\nentry 01 cn=a,dc=x cn=a\nfailed lost\n", "connection");
    flow_play_failing(NULL, persisting,
                      LOADED_TEXT
                      "entry 01 cn=a,dc=x cn=a\ncheckpoint rid=000,csn=" CSN("10", "000") "\nfailed lost\n",
                      "connection");
    flow_play_failing(NULL, garbage, "begin whole\nentry 01 cn=a,dc=x cn=a\nfailed lost\n", "connection");
    flow_play_failing(NULL, huge, "failed lost\n", "connection");
    flow_play_failing(NULL, unavailable, LOADED_TEXT "failed lost\n", "shutting down");
}

// --- persist ---

static void test_persist(void **state)
{
    (void)state;
    static const struct step steps[] = { LOADED,
                                         CHANGE(1, 2, "b", "rid=000,sid=001,csn=" CSN("10", "000")),
                                         CHANGE(2, 1, "q",
                                                "rid=000,sid=002,csn=" CSN("11", "002")), // a rename too
                                         CHANGE(3, 2, "b", "rid=000,sid=001,csn=" CSN("12", "000")),
                                         { .kind = STEP_END } };
    flow_play(NULL, steps,
              LOADED_TEXT "entry 02 cn=b,dc=x cn=b\nentry 01 cn=q,dc=x cn=q\ngone 02\n"
                          "checkpoint rid=000,csn=" CSN("12", "000") ";" CSN("11", "002") "\n");
}

static void test_new_cookie(void **state)
{
    (void)state;
    static const struct step steps[] = {
        LOADED, { .kind = STEP_NEW_COOKIE, .cookie = "rid=000,csn=" CSN("10", "000") }, { .kind = STEP_END }
    };
    static const struct step same[] = { LOADED,
                                        { .kind = STEP_NEW_COOKIE, .cookie = NEW },
                                        { .kind = STEP_NEW_COOKIE, .cookie = "" },
                                        { .kind = STEP_NEW_COOKIE, .cookie = "nonsense" },
                                        { .kind = STEP_NEW_COOKIE,
                                          .cookie = "rid=000,csn=" CSN("01", "000") },
                                        { .kind = STEP_END } };
    flow_play(NULL, steps, LOADED_TEXT "checkpoint rid=000,csn=" CSN("10", "000") "\n");
    // Nothing new, nothing known, nothing older moves ours.
    flow_play(NULL, same, LOADED_TEXT);
}

static void test_persist_sets(void **state)
{
    (void)state;
    static const struct step steps[] = { LOADED,
                                         { .kind = STEP_SET_DELETE, .ids = "\x01\x02" },
                                         { .kind = STEP_SET_PRESENT, .ids = "\x03" },
                                         { .kind = STEP_DELETE, .cookie = NEW },
                                         { .kind = STEP_END } };
    flow_play(NULL, steps, LOADED_TEXT "gone 01 02\ncheckpoint " NEW "\n");
}

static void test_ignored_messages(void **state)
{
    (void)state;
    static const struct step steps[] = { { .kind = STEP_REFERENCE, .text = "ldap://elsewhere/dc=y" },
                                         { .kind = STEP_INTERMEDIATE, .text = "1.2.3.4" },
                                         { .kind = STEP_ENTRY,
                                           .state = 1,
                                           .id = 6,
                                           .dn = "cn=r,dc=x",
                                           .attributes = "cn=r\0"
                                                         "objectClass=referral\0" },
                                         { .kind = STEP_REFERENCE, .text = "ldap://elsewhere/dc=y" },
                                         LOADED,
                                         { .kind = STEP_END } };
    flow_play(NULL, steps,
              "begin whole\nentry 06 cn=r,dc=x cn=r\nentry 01 cn=a,dc=x cn=a\nend unmentioned " NEW "\n");
    struct flow *flow = flow_open(steps, NULL, 0);
    const char *with_class[] = { "cn", "objectClass", NULL };
    flow->view.attributes = with_class;
    flow->view.attribute_count = 2;
    flow_start(flow, NULL);
    flow_expect(flow, "begin whole\ngone 06\nentry 01 cn=a,dc=x cn=a\nend unmentioned " NEW "\n");
    flow_close(flow);
}

static void test_unasked_attributes(void **state)
{
    (void)state;
    static const struct step steps[] = { { .kind = STEP_ENTRY,
                                           .state = 1,
                                           .id = 1,
                                           .dn = "cn=a,dc=x",
                                           .attributes = "userPassword={SSHA}x\0"
                                                         "cn=a\0"
                                                         "description=d\0"
                                                         "entryUUID=00000000-0000-4000-8000-0000000000ff\0" },
                                         { .kind = STEP_DELETE, .cookie = NEW },
                                         { .kind = STEP_END } };
    flow_play(NULL, steps, LOADED_TEXT);
}

static void test_apacheds(void **state)
{
    (void)state;
    static const struct step steps[] = { ENTRY(1, "a"),
                                         { .kind = STEP_NEW_COOKIE, .cookie = NEW },
                                         CHANGE(4, 1, "b", "rid=000,csn=" CSN("10", "000")),
                                         { .kind = STEP_END } };
    struct flow *flow = flow_open(steps, "Apache Software Foundation", 0);
    flow_start(flow, NULL);
    flow_expect(flow, LOADED_TEXT "entry 01 cn=b,dc=x cn=b\ncheckpoint rid=000,csn=" CSN("10", "000") "\n");
    flow_close(flow);
    // From another server a new cookie ends nothing.
    static const struct step other[] = {
        { .kind = STEP_NEW_COOKIE, .cookie = "rid=000,csn=" CSN("02", "000") }, LOADED, { .kind = STEP_END }
    };
    flow_play(NULL, other, LOADED_TEXT);
}

static void test_sink_error(void **state)
{
    (void)state;
    static const struct step steps[] = { LOADED, CHANGE(2, 1, "a", NULL), { .kind = STEP_END } };
    static const char *const lines[] = { "begin whole\n", "entry 01 cn=a,dc=x cn=a\n",
                                         "end unmentioned " NEW "\n", "entry 01 cn=a,dc=x cn=a\n",
                                         "checkpoint " NEW "\n" };
    for (int call = 1; call <= 5; call++) {
        struct flow *flow = flow_open(steps, NULL, 0);
        char *expected = talloc_strdup(flow, "");
        for (int i = 0; i < call; i++)
            expected = talloc_asprintf_append(expected, "%s", lines[i]);
        expected = talloc_asprintf_append(expected, "failed sink\n");
        flow->recorder->fail_after = call;
        flow_start(flow, NULL);
        flow_expect(flow, expected);
        assert_string_equal(flow->recorder->error.text, "the sink is full");
        flow_close(flow);
    }
}

// --- the socket ---

static void test_tiny_writes(void **state)
{
    (void)state;
    static const struct step steps[] = { { .kind = STEP_SET_PRESENT, .ids = "\x01\x02" },
                                         NEW_ENTRY(3, "c"),
                                         { .kind = STEP_PRESENT, .cookie = NEW_SID },
                                         CHANGE(2, 1, "a", "rid=000,csn=" CSN("10", "000")),
                                         { .kind = STEP_END } };
    struct flow *flow = flow_open(steps, NULL, 1);
    flow_start(flow, OLD);
    flow_expect(flow,
                "begin changes\npresent 01 02\nentry 03 cn=c,dc=x entryCSN=" CSN(
                    "08", "000") "\nend unmentioned " NEW
                                 "\nentry 01 cn=a,dc=x cn=a\ncheckpoint rid=000,csn=" CSN("10", "000") "\n");
    flow_close(flow);
}

static void flow_wait(struct flow *flow, const size_t *count, size_t until_count)
{
    int64_t until = clock_monotonic() + PATIENCE;
    while (*count < until_count && !flow->recorder->failed && clock_monotonic() < until)
        event_base_loop(flow->loop, EVLOOP_ONCE);
    assert_int_equal(*count, until_count);
}

// More than one turn's budget in the socket at once: nothing is forgotten, no batch is too large.
static void test_budget(void **state)
{
    (void)state;
    static const struct step steps[] = {
        LOADED,
        { .kind = STEP_MANY, .count = 3000, .cookie = "rid=000,csn=" CSN("10", "000") },
        { .kind = STEP_END }
    };
    struct flow *flow = flow_open(steps, NULL, 0);
    flow->recorder->quiet = true;
    flow_start(flow, NULL);
    flow_wait(flow, &flow->recorder->entries, 3001);
    while (flow->recorder->batch > 0)
        event_base_loop(flow->loop, EVLOOP_ONCE);
    assert_in_range(flow->recorder->checkpoints, 6, 3000);
    assert_in_range(flow->recorder->largest_batch, 1, SOURCE_BATCH);
    flow_close(flow);
}

struct ticker {
    struct event *event;
    int count;
};

static void ticker_run(evutil_socket_t descriptor, short what, void *context)
{
    static const struct timeval at_once = { .tv_sec = 0 };
    struct ticker *ticker = context;
    (void)descriptor;
    (void)what;
    ticker->count++;
    event_add(ticker->event, &at_once);
}

// Others on the loop get their turns while much is read.
static void test_fairness(void **state)
{
    (void)state;
    static const struct step steps[] = { LOADED, { .kind = STEP_MANY, .count = 6000 }, { .kind = STEP_END } };
    struct flow *flow = flow_open(steps, NULL, 0);
    struct ticker ticker = { .count = 0 };
    ticker.event = evtimer_new(flow->loop, ticker_run, &ticker);
    flow->recorder->quiet = true;
    flow->recorder->loop = NULL;
    ticker_run(-1, 0, &ticker);
    flow_start(flow, NULL);
    flow_wait(flow, &flow->recorder->entries, 6001);
    assert_true(ticker.count >= 6001 / SOURCE_BATCH);
    event_free(ticker.event);
    flow_close(flow);
}

static void test_huge_group(void **state)
{
    (void)state;
    static const struct step steps[] = { LOADED,
                                         { .kind = STEP_GROUP,
                                           .id = 7,
                                           .dn = "cn=g,dc=x",
                                           .count = 50000,
                                           .cookie = "rid=000,csn=" CSN("10", "000") },
                                         { .kind = STEP_END } };
    struct flow *flow = flow_open(steps, NULL, 4096);
    flow->recorder->quiet = true;
    flow_start(flow, NULL);
    flow_wait(flow, &flow->recorder->entries, 2);
    flow_close(flow);
}

static int ignore_entry(void *context, const struct entry *entry)
{
    (void)context;
    (void)entry;
    return 0;
}

// Another search on the same session takes our messages off the socket; the source must not wait for the
// socket.
static void test_wake(void **state)
{
    (void)state;
    static const struct step steps[] = { LOADED,
                                         { .kind = STEP_REQUEST },
                                         CHANGE(2, 1, "a", "rid=000,csn=" CSN("10", "000")),
                                         { .kind = STEP_END } };
    static const char *const attributes[] = { "cn", NULL };
    struct flow *flow = flow_open(steps, NULL, 0);
    struct error err;

    flow_start(flow, NULL);
    flow_expect(flow, LOADED_TEXT);
    if (session_search(flow->session, "", LDAP_SCOPE_BASE, "(objectClass=*)", attributes, 1, ignore_entry,
                       NULL, &err) < 0)
        fail_msg("%s", err.text);
    source_syncrepl.wake(flow->source);
    for (int i = 0; i < 3; i++)
        event_base_loop(flow->loop, EVLOOP_NONBLOCK);
    sink_recorder_expect(flow->recorder,
                         "entry 01 cn=a,dc=x cn=a\ncheckpoint rid=000,csn=" CSN("10", "000") "\n");
    flow_close(flow);
}

// --- the rest ---

static void test_is_behind(void **state)
{
    (void)state;
    struct value values[] = { { CSN("05", "000"), 40 }, { CSN("07", "000"), 40 } };
    const struct attribute same = { "contextCSN", values, 1 }, newer = { "contextCSN", values + 1, 1 },
                           none = { "contextCSN", NULL, 0 };

    assert_int_equal(source_syncrepl.is_behind(OLD, &same), 0);
    assert_int_equal(source_syncrepl.is_behind(OLD, &newer), 1);
    assert_int_equal(source_syncrepl.is_behind(OLD, &none), -1);
    assert_int_equal(source_syncrepl.is_behind(OLD, NULL), -1);
    assert_int_equal(source_syncrepl.is_behind("", &same), -1);
}

static void test_find(void **state)
{
    (void)state;
    assert_ptr_equal(source_find("syncrepl"), &source_syncrepl);
    assert_null(source_find("carrier pigeon"));
    assert_true(source_syncrepl.cookie_is_sound(OLD));
    assert_false(source_syncrepl.cookie_is_sound(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_nothing_changed),
        cmocka_unit_test(test_delete_phase),
        cmocka_unit_test(test_present_phase),
        cmocka_unit_test(test_both_phases),
        cmocka_unit_test(test_cookie_ignored),
        cmocka_unit_test(test_lagging_provider),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_unsupported),
        cmocka_unit_test(test_lost),
        cmocka_unit_test(test_persist),
        cmocka_unit_test(test_new_cookie),
        cmocka_unit_test(test_persist_sets),
        cmocka_unit_test(test_ignored_messages),
        cmocka_unit_test(test_unasked_attributes),
        cmocka_unit_test(test_apacheds),
        cmocka_unit_test(test_sink_error),
        cmocka_unit_test(test_tiny_writes),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_fairness),
        cmocka_unit_test(test_huge_group),
        cmocka_unit_test(test_wake),
        cmocka_unit_test(test_is_behind),
        cmocka_unit_test(test_find),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

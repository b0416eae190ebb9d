// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/source/ldif_model.h"
#include "../../src/source/ldif_reader.h"
#include "base/clock.h"
#include "directory/schema.h"
#include "sink_recorder.h"
#include "source/ldif.h"

#define START INT64_C(1763632800000) // 2025-11-20T10:00:00Z
#define ID(n) "entryUUID: 00000000-0000-4000-8000-0000000000" n "\n"
#define C(n) "rid=000,csn=20251120100000.000000Z#00000" n "#000#000000"

// --- the reader ---

static char *describe(TALLOC_CTX *ctx, const struct ldif_record *record)
{
    static const char *const kinds[] = { "content", "add", "delete", "modify", "rename", "directive" };
    static const char *const ops[] = { "add", "delete", "replace" };
    char *text = talloc_asprintf(ctx, "%u %s %s", record->line, kinds[record->kind],
                                 record->kind == LDIF_DIRECTIVE ? record->directive : record->dn);

    for (size_t i = 0; i < record->change_count; i++) {
        const struct ldif_change *change = &record->changes[i];
        text = talloc_asprintf_append(text, " %s:%s(%zu+%zu)", ops[change->op], change->attribute,
                                      change->first, change->count);
    }
    for (size_t i = 0; i < record->count; i++)
        text = talloc_asprintf_append(text, " %s=%.*s", record->values[i].attribute,
                                      (int)record->values[i].length, record->values[i].data);
    if (record->kind == LDIF_RENAME)
        text = talloc_asprintf_append(text, " %s %d %s", record->new_rdn, record->delete_old_rdn,
                                      record->new_superior ? record->new_superior : "-");
    return talloc_asprintf_append(text, "\n");
}

// All records, or the error.
static char *read_all(TALLOC_CTX *ctx, const char *text, size_t length)
{
    struct ldif_reader *reader = ldif_reader_new(ctx, "f", text, length);
    char *all = talloc_strdup(ctx, "");
    struct ldif_record *record;
    struct error err;
    int result;

    while ((result = ldif_reader_next(reader, ctx, &record, &err)) > 0)
        all = talloc_asprintf_append(all, "%s", describe(ctx, record));
    if (result < 0)
        all = talloc_asprintf_append(all, "%s\n", err.text);
    return all;
}

static void test_reader(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } table[] = {
        { "", "" },
        { "\n\n\r\n", "" },
        { "version: 1\n\ndn: cn=a\ncn: a\n", "3 content cn=a cn=a\n" },
        { "version: 1\ndn: cn=a\ncn: a", "2 content cn=a cn=a\n" },
        { "dn: cn=a\r\ncn: a\r\n\r\ndn: cn=b\r\ncn: b\r\n", "1 content cn=a cn=a\n4 content cn=b cn=b\n" },
        { "dn: cn=long\n  name\ndescription: one\n  two\n  three\n",
          "1 content cn=long name description=one two three\n" },
        { "# comment\n# folded\n  comment\ndn: cn=a\n# inside\ncn: a\n", "4 content cn=a cn=a\n" },
        { "dn:: Y249w6Q=\ncn:: w6Q=\n", "1 content cn=\xc3\xa4 cn=\xc3\xa4\n" },
        { "dn: cn=\xc3\xa4\ncn:\xc3\xa4\n", "1 content cn=\xc3\xa4 cn=\xc3\xa4\n" },
        { "dn: cn=a\ncn;lang-de:: \nsn:\n", "1 content cn=a cn;lang-de= sn=\n" },
        { "dn: cn=a\nchangetype: add\ncn: a\n", "1 add cn=a cn=a\n" },
        { "dn: cn=a\nchangetype: delete\n\n#! persist \n", "1 delete cn=a\n4 directive persist\n" },
        { "dn: cn=a\nchangetype: delete\n#!restart\ndn: cn=b\nchangetype: delete\n",
          "1 delete cn=a\n3 directive restart\n4 delete cn=b\n" },
        { "dn: cn=a\ncontrol: 1.2.3 true: x\nchangetype: modify\nadd: sn\nsn: b\nsn: c\n-\ndelete: cn\n-\nreplace: mail\n",
          "1 modify cn=a add:sn(0+2) delete:cn(2+0) replace:mail(2+0) sn=b sn=c\n" },
        { "dn: cn=a\nchangetype: modify\n", "1 modify cn=a\n" },
        { "dn: cn=a\nchangetype: modrdn\nnewrdn: cn=b\ndeleteoldrdn: 1\n", "1 rename cn=a cn=b 1 -\n" },
        { "dn: cn=a\nchangetype: moddn\nnewrdn: cn=b\ndeleteoldrdn: 0\nnewsuperior: ou=x\n",
          "1 rename cn=a cn=b 0 ou=x\n" },
        // Errors, with their lines.
        { "cn: a\n", "f:1: a record begins with \"dn:\"\n" },
        { "\n dn: cn=a\n", "f:2: this is no attribute name\n" },
        { "dn: cn=a\n\n", "f:1: a record with a dn only\n" },
        { "dn: cn=a\nnonsense\n", "f:2: expected \"attribute: value\"\n" },
        { "dn: cn=a\ncn:: ####\n", "f:2: this is no base64\n" },
        { "dn: cn=a\ncn:: YWI\n", "f:2: this is no base64\n" },
        { "dn: cn=a\ncn:: =A==\n", "f:2: this is no base64\n" },
        { "dn: cn=a\ncn:: ====\n", "f:2: this is no base64\n" },
        { "dn:: AAAA\ncn: a\n", "f:1: this must be UTF-8 text without control characters\n" },
        { "dn: cn=a\njpegPhoto:< file:///etc/passwd\n",
          "f:2: values from a URL are not read; write the value itself\n" },
        { "dn: cn=a\nchangetype: frobnicate\n", "f:2: changetype is add, delete, modify, modrdn or moddn\n" },
        { "dn: cn=a\nchangetype: delete\ncn: a\n", "f:3: nothing can follow \"changetype: delete\"\n" },
        { "dn: cn=a\nchangetype: add\n", "f:1: an entry without attributes\n" },
        { "dn: cn=a\nchangetype: modify\nincrement: x\nx: 1\n",
          "f:3: expected \"add:\", \"delete:\" or \"replace:\"\n" },
        { "dn: cn=a\nchangetype: modify\nadd: sn\nmail: b\n-\n",
          "f:4: another attribute than the one announced; is a \"-\" missing?\n" },
        { "dn: cn=a\nchangetype: modify\nadd: sn\n-\n", "f:3: nothing to add\n" },
        { "dn: cn=a\nchangetype: modrdn\nnewrdn: cn=b\n", "f:1: a rename needs newrdn and deleteoldrdn\n" },
        { "dn: cn=a\nchangetype: modrdn\nnewrdn: cn=b\ndeleteoldrdn: yes\n",
          "f:1: deleteoldrdn is 0 or 1\n" },
        { "dn: cn=a\nchangetype: modrdn\nnewrdn: cn=b\nnewrdn: cn=c\n",
          "f:4: expected newrdn, deleteoldrdn and newsuperior, each once\n" },
        { "version: 2\n", "f:1: only LDIF version 1 is known\n" },
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        TALLOC_CTX *ctx = talloc_new(NULL);
        char *got = read_all(ctx, table[i].text, strlen(table[i].text));
        if (strcmp(got, table[i].expected) != 0)
            fail_msg("%s\n--- expected\n%s--- got\n%s", table[i].text, table[i].expected, got);
        talloc_free(ctx);
    }
}

static void test_reader_octets(void **state)
{
    (void)state;
    static const char nul[] = "dn: cn=a\ncn: a\0b\n";
    static const char base64[] = "dn: cn=a\nx:: AAEC/w==\n";
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct ldif_record *record;
    struct error err;

    assert_string_equal(read_all(ctx, nul, sizeof(nul) - 1), "f:2: a NUL in a value; write it in base64\n");
    struct ldif_reader *reader = ldif_reader_new(ctx, "f", base64, sizeof(base64) - 1);
    assert_int_equal(ldif_reader_next(reader, ctx, &record, &err), 1);
    assert_int_equal(record->values[0].length, 4);
    assert_memory_equal(record->values[0].data, "\x00\x01\x02\xff", 5);
    talloc_free(ctx);
}

// --- the player ---

struct play {
    struct sink_recorder *recorder;
    struct ldif_player *player;
    int ticks, restarts;
};

static int play_tick(void *context, struct error *err)
{
    struct play *play = context;
    char text[CLOCK_TEXT_SIZE];
    (void)err;
    play->recorder->text =
        talloc_asprintf_append(play->recorder->text, "tick %s\n", clock_to_iso(clock_now(), text));
    return 0;
}

static int play_restart(void *context, struct error *err)
{
    struct play *play = context;
    (void)err;
    play->recorder->text = talloc_asprintf_append(play->recorder->text, "restart\n");
    return 0;
}

// Plays `ldif`; what the sink was told, then the error if there is one, must be `expected`.
static void play_with(const char *base, const char *filter, const char *ldif, const char *expected)
{
    const char *attributes[] = { "cn", "member", NULL };
    struct view view = { .bind_dn = "",
                         .base = base,
                         .filter = filter,
                         .attributes = attributes,
                         .attribute_count = 2,
                         .flavour = "" };
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct play play = { .recorder = sink_recorder_new(ctx) };
    struct ldif_hooks hooks = { .context = &play, .tick = play_tick, .restart = play_restart };
    char path[] = "/tmp/test_ldif.XXXXXX";
    int descriptor = mkstemp(path);
    struct error err;

    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, ldif, strlen(ldif)), (ssize_t)strlen(ldif));
    close(descriptor);
    clock_set_fake(START);
    play.player = ldif_player_new(ctx, path, &view, &err);
    unlink(path);
    if (!play.player)
        fail_msg("%s", err.text);
    ldif_player_sink(play.player, &play.recorder->sink);
    if (ldif_player_run(play.player, &hooks, &err) < 0) {
        const char *words = strncmp(err.text, path, strlen(path)) == 0 ? err.text + strlen(path) : err.text;
        play.recorder->text = talloc_asprintf_append(play.recorder->text, "error %s\n", words);
    }
    sink_recorder_expect(play.recorder, expected);
    talloc_free(ctx);
    clock_set_fake(0);
}

static void play(const char *ldif, const char *expected)
{
    play_with("dc=x", "(objectClass=*)", ldif, expected);
}

#define A "dn: cn=a,dc=x\nobjectClass: person\ncn: a\n" ID("0a") "\n"
#define B "dn: cn=b,dc=x\nobjectClass: person\ncn: b\n" ID("0b") "\n"
#define AB_LOADED                                                                                            \
    "begin whole\nentry 0a cn=a,dc=x cn=a\nentry 0b cn=b,dc=x cn=b\nend unmentioned " C("1") "\n"

static void test_initial(void **state)
{
    (void)state;
    play("", "begin whole\nend unmentioned \n");
    play(A B, AB_LOADED);
    play("#! refresh whole\n" A B "#! persist\n", AB_LOADED);
}

static void test_changes(void **state)
{
    (void)state;
    play(
        A B "dn: cn=c,dc=x\nchangetype: add\nobjectClass: person\ncn: c\n" ID(
            "0c") "\n"
                  "dn: cn=a,dc=x\nchangetype: modify\nadd: cn\ncn: also\n-\ndelete: cn\ncn: A\n-\nreplace: cn\ncn: a\ncn: z\n-\n\n"
                  "dn: cn=a,dc=x\nchangetype: modrdn\nnewrdn: cn=q\ndeleteoldrdn: 1\n\n"
                  "dn: cn=b,dc=x\nchangetype: delete\n\n"
                  "dn: cn=d,dc=x\nobjectClass: person\nuserPassword: secret\n" ID("0d"),
        AB_LOADED "entry 0c cn=c,dc=x cn=c\ncheckpoint " C(
            "2") "\n"
                 "entry 0a cn=a,dc=x cn=a;z\ncheckpoint " C(
                     "3") "\n"
                          "entry 0a cn=q,dc=x cn=z;q\ncheckpoint " C(
                              "4") "\n"
                                   "gone 0b\ncheckpoint " C("5") "\n"
                                                                 "entry 0d cn=d,dc=x cn=d\ncheckpoint " C(
                                                                     "6") "\n");
}

static void test_subtree_rename(void **state)
{
    (void)state;
    play("dn: ou=o,dc=x\nobjectClass: person\n" ID(
             "01") "\n"
                   "dn: cn=k,ou=o,dc=x\nobjectClass: person\ncn: k\n" ID(
                       "02") "\n"
                             "dn: ou=o,dc=x\nchangetype: modrdn\nnewrdn: ou=p\ndeleteoldrdn: 1\n\n"
                             "dn: cn=k,ou=p,dc=x\nchangetype: modify\nadd: cn\ncn: l\n",
         "begin whole\nentry 01 ou=o,dc=x\nentry 02 cn=k,ou=o,dc=x cn=k\nend unmentioned " C(
             "1") "\n"
                  "entry 01 ou=p,dc=x\ncheckpoint " C("2") "\n"
                                                           "entry 02 cn=k,ou=p,dc=x cn=k;l\ncheckpoint " C(
                                                               "3") "\n");
}

static void test_view(void **state)
{
    (void)state;
    static const char ldif[] = "dn: cn=a,ou=in,dc=x\nobjectClass: person\ncn: a\ntitle: boss\n" ID(
        "0a") "\n"
              "dn: cn=b,ou=in,dc=x\nobjectClass: person\ncn: b\n" ID(
                  "0b") "\n"
                        "dn: cn=c,ou=out,dc=x\nobjectClass: person\ncn: c\ntitle: boss\n" ID(
                            "0c") "\n"
                                  "dn: cn=b,ou=in,dc=x\nchangetype: modify\nadd: title\ntitle: boss\n\n"
                                  "dn: cn=a,ou=in,dc=x\nchangetype: modify\ndelete: title\n\n"
                                  "dn: cn=a,ou=in,dc=x\nchangetype: modify\nadd: title\ntitle: clerk\n\n"
                                  "dn: cn=c,ou=out,dc=x\nchangetype: modrdn\nnewrdn: cn=c\ndeleteoldrdn: 0\n"
                                  "newsuperior: ou=in,dc=x\n\n"
                                  "dn: cn=b,ou=in,dc=x\nchangetype: moddn\nnewrdn: cn=b\ndeleteoldrdn: 0\n"
                                  "newsuperior: ou=out,dc=x\n";
    play_with("ou=in, dc=X", "(title=boss)", ldif,
              "begin whole\nentry 0a cn=a,ou=in,dc=x cn=a\nend unmentioned " C(
                  "2") "\n"
                       "entry 0b cn=b,ou=in,dc=x cn=b\ncheckpoint " C(
                           "3") "\n" // came into the filter
                                "gone 0a\ncheckpoint " C(
                                    "4") "\n"                      // left it
                                         "checkpoint " C("5") "\n" // outside: a new cookie only
                                                              "entry 0c cn=c,ou=in,dc=x cn=c\ncheckpoint " C(
                                                                  "6") "\n" // came below the base
                                                                       "gone 0b\ncheckpoint " C(
                                                                           "7") "\n"); // left it
}

static void test_refreshes(void **state)
{
    (void)state;
    static const char away[] = "dn: cn=b,dc=x\nchangetype: delete\n\n"
                               "dn: cn=c,dc=x\nchangetype: add\nobjectClass: person\n" ID(
                                   "0c") "\n"
                                         "dn: cn=d,dc=x\nchangetype: add\nobjectClass: person\n" ID(
                                             "0d") "\n"
                                                   "dn: cn=d,dc=x\nchangetype: delete\n\n#! persist\n";
    TALLOC_CTX *ctx = talloc_new(NULL);

    play(talloc_asprintf(ctx, "%s#! refresh\n%s", A B, away),
         AB_LOADED "begin changes\ngone 0b\nentry 0c cn=c,dc=x cn=c\nend no " C("5") "\n");
    play(talloc_asprintf(ctx, "%s#! refresh present\n%s", A B, away),
         AB_LOADED "begin changes\npresent 0a\nentry 0c cn=c,dc=x cn=c\nend unmentioned " C("5") "\n");
    play(talloc_asprintf(ctx, "%s#! refresh whole\n%s", A B, away), AB_LOADED
         "begin whole\nentry 0a cn=a,dc=x cn=a\nentry 0c cn=c,dc=x cn=c\nend unmentioned " C("5") "\n");
    talloc_free(ctx);
}

#define MORE(n) "dn: cn=a,dc=x\nchangetype: modify\nadd: cn\ncn: " n "\n\n"

static void test_batches(void **state)
{
    (void)state;
    play(A "#! begin\n" MORE("1") MORE("2") "#! end\n" MORE("3"),
         "begin whole\nentry 0a cn=a,dc=x cn=a\nend unmentioned " C(
             "0") "\n"
                  "entry 0a cn=a,dc=x cn=a;1\nentry 0a cn=a,dc=x cn=a;1;2\ncheckpoint " C(
                      "2") "\n"
                           "entry 0a cn=a,dc=x cn=a;1;2;3\ncheckpoint " C("3") "\n");
}

static void test_silent(void **state)
{
    (void)state;
    play(A "#! silent\n" MORE("s") MORE("t"),
         "begin whole\nentry 0a cn=a,dc=x cn=a\nend unmentioned " C(
             "0") "\n"
                  "entry 0a cn=a,dc=x cn=a;s;t\ncheckpoint " C("1") "\n");
}

static void test_clock(void **state)
{
    (void)state;
    play(
        A "#! advance 90s\n" MORE("1") "#! refresh\n#! advance 1h\n" MORE("2") "#! persist\n",
        "begin whole\nentry 0a cn=a,dc=x cn=a\nend unmentioned " C(
            "0") "\n"
                 "tick 2025-11-20T10:01:30Z\n"
                 "entry 0a cn=a,dc=x cn=a;1\ncheckpoint rid=000,csn=20251120100130.000000Z#000000#000#000000\n"
                 "begin changes\nentry 0a cn=a,dc=x cn=a;1;2\n"
                 "end no rid=000,csn=20251120110130.000000Z#000000#000#000000\n");
}

static void test_restart(void **state)
{
    (void)state;
    // Nothing was open: an empty refresh. Something was: it comes again.
    play(A MORE("1") "#! restart\n" MORE("2") "#! begin\n" MORE("3") "#! restart\n#! advance 1m\n",
         "begin whole\nentry 0a cn=a,dc=x cn=a\nend unmentioned " C(
             "0") "\n"
                  "entry 0a cn=a,dc=x cn=a;1\ncheckpoint " C(
                      "1") "\nrestart\n"
                           "begin changes\nend no " C(
                               "1") "\n"
                                    "entry 0a cn=a,dc=x cn=a;1;2\ncheckpoint " C(
                                        "2") "\n"
                                             "entry 0a cn=a,dc=x cn=a;1;2;3\nrestart\n"
                                             "begin changes\nentry 0a cn=a,dc=x cn=a;1;2;3\nend no " C(
                                                 "3") "\n"
                                                      "tick 2025-11-20T10:01:00Z\n");
    play(A "#! restart\n#! refresh\n" MORE("1"),
         "begin whole\nentry 0a cn=a,dc=x cn=a\nend unmentioned " C(
             "0") "\nrestart\n"
                  "begin changes\nentry 0a cn=a,dc=x cn=a;1\nend no " C("1") "\n");
}

static void test_errors(void **state)
{
    (void)state;
    static const struct {
        const char *ldif, *error;
    } table[] = {
        { A "dn: cn=z,dc=x\nchangetype: delete\n", ":6: there is no entry \"cn=z,dc=x\"" },
        { A A, ":6: there is an entry \"cn=a,dc=x\" already" },
        { A "dn: cn=c,dc=x\nobjectClass: x\n" ID("0a"), ":6: another entry has this entryUUID" },
        { A "dn: cn=c,dc=x\nobjectClass: x\nentryUUID: 12\n", ":6: entryUUID \"12\" is no UUID" },
        { A "dn: cn=c,dc=x\nobjectClass: x\nobjectClass: X\n",
          ":6: objectClass has the value \"X\" already" },
        { A "dn: cn=a,dc=x\nchangetype: modify\nadd: cn\ncn: A\n", ":6: cn has the value \"A\" already" },
        { A "dn: cn=a,dc=x\nchangetype: modify\ndelete: cn\ncn: b\n", ":6: cn has no value \"b\" to delete" },
        { A "dn: cn=a,dc=x\nchangetype: modify\ndelete: sn\n", ":6: there is no attribute sn to delete" },
        { A B "dn: cn=a,dc=x\nchangetype: modrdn\nnewrdn: cn=B\ndeleteoldrdn: 1\n",
          ":11: there is an entry \"cn=B,dc=x\" already" },
        { A "dn: cn=a,dc=x\nchangetype: modrdn\nnewrdn: cn=a\ndeleteoldrdn: 1\nnewsuperior: cn=a,dc=x\n",
          ":6: an entry cannot go below itself" },
        { A "dn: cn=k,cn=a,dc=x\nobjectClass: x\n\ndn: cn=a,dc=x\nchangetype: delete\n",
          ":9: \"cn=a,dc=x\" is not a leaf: \"cn=k,cn=a,dc=x\" is below it" },
        { A "#! frobnicate now\n", ":6: \"#! frobnicate\" is no control line" },
        { A "#! refresh quickly\n", ":6: \"#! refresh\" is followed by \"whole\", \"present\" or nothing" },
        { A "#! end\n", ":6: no batch is open" },
        { A "#! begin\n#! begin\n", ":7: the batch is open already" },
        { A "#! begin\n#! advance 1m\n", ":7: the batch is still open; \"#! end\" closes it" },
        { A "#! begin\n", ": the batch is still open at the end; \"#! end\" closes it" },
        { A "#! refresh\n#! begin\n", ":7: a refresh is one batch already" },
        { A "nonsense\n", ":6: expected \"attribute: value\"" },
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        const char *attributes[] = { "cn", NULL };
        struct view view = { .bind_dn = "",
                             .base = "dc=x",
                             .filter = "(objectClass=*)",
                             .attributes = attributes,
                             .attribute_count = 1,
                             .flavour = "" };
        char path[] = "/tmp/test_ldif.XXXXXX";
        int descriptor = mkstemp(path);
        struct sink_recorder *recorder = sink_recorder_new(NULL);
        struct error err = { .code = 0 };

        assert_int_equal(write(descriptor, table[i].ldif, strlen(table[i].ldif)),
                         (ssize_t)strlen(table[i].ldif));
        close(descriptor);
        struct ldif_player *player = ldif_player_new(recorder, path, &view, &err);
        unlink(path);
        assert_non_null(player);
        ldif_player_sink(player, &recorder->sink);
        if (ldif_player_run(player, NULL, &err) == 0)
            fail_msg("%s\nno error", table[i].ldif);
        if (strcmp(err.text + strlen(path), table[i].error) != 0)
            fail_msg("%s\n--- expected\n%s\n--- got\n%s", table[i].ldif, table[i].error,
                     err.text + strlen(path));
        talloc_free(recorder);
    }
}

static void test_missing_file(void **state)
{
    (void)state;
    const char *attributes[] = { NULL };
    struct view view = { .base = "dc=x", .filter = "(objectClass=*)", .attributes = attributes };
    struct error err;

    assert_null(ldif_player_new(NULL, "/nonexistent/file.ldif", &view, &err));
    assert_non_null(strstr(err.text, "/nonexistent/file.ldif: No such file"));
}

// --- the model ---

static void model_play(struct ldif_model *model, const char *ldif, struct uuid *uuid)
{
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct ldif_reader *reader = ldif_reader_new(ctx, "f", ldif, strlen(ldif));
    struct ldif_record *record;
    struct error err;

    while (ldif_reader_next(reader, ctx, &record, &err) > 0) {
        if (ldif_model_apply(model, record, false, uuid, &err) < 0)
            fail_msg("%s", err.text);
    }
    talloc_free(ctx);
}

static void assert_value(const struct entry *entry, const char *name, const char *expected)
{
    const char *text = entry_text(entry, schema_canonical(name, strlen(name)));
    assert_non_null(text);
    assert_string_equal(text, expected);
}

static void test_operational(void **state)
{
    (void)state;
    struct ldif_model *model = ldif_model_new(NULL);
    struct uuid uuid;

    clock_set_fake(START);
    ldif_model_actor(model, "cn=first");
    model_play(model, "dn: cn=a+sn=b\\+c,dc=x\nobjectClass: person\n", &uuid);
    const struct entry *entry = ldif_model_find(model, &uuid);
    assert_value(entry, "creatorsName", "cn=first");
    assert_value(entry, "createTimestamp", "20251120100000Z");
    assert_value(entry, "entryCSN", "20251120100000.000000Z#000000#000#000000");
    assert_value(entry, "cn", "a"); // naming values are added
    assert_value(entry, "sn", "b+c");

    clock_advance_fake(1500);
    ldif_model_actor(model, "cn=second");
    model_play(model, "dn: sn=b\\+c+CN=A,dc=x\nchangetype: modify\nadd: mail\nmail: m\n", &uuid);
    entry = ldif_model_find(model, &uuid);
    assert_value(entry, "creatorsName", "cn=first");
    assert_value(entry, "modifiersName", "cn=second");
    assert_value(entry, "modifyTimestamp", "20251120100001Z");
    assert_value(entry, "entryCSN", "20251120100001.500000Z#000000#000#000000");
    talloc_free(model);
    clock_set_fake(0);
}

static void test_uuid(void **state)
{
    (void)state;
    static const char add[] = "dn: cn=a,dc=x\nobjectClass: person\n",
                      remove[] = "dn: cn=a,dc=x\nchangetype: delete\n";
    struct ldif_model *one = ldif_model_new(NULL), *two = ldif_model_new(NULL);
    struct uuid first, again, other, gone;

    model_play(one, add, &first);
    model_play(two, "dn: CN=A, dc=x\nobjectClass: person\n", &again);
    assert_true(uuid_equal(&first, &again));
    assert_false(uuid_is_null(&first));
    // The same name given anew is another entry.
    model_play(one, remove, &gone);
    assert_true(uuid_equal(&first, &gone));
    model_play(one, add, &other);
    assert_false(uuid_equal(&first, &other));
    talloc_free(one);
    talloc_free(two);
}

static void test_secrets(void **state)
{
    (void)state;
    struct ldif_model *model = ldif_model_new(NULL);
    struct uuid uuid;

    model_play(
        model,
        "dn: cn=a,dc=x\nobjectClass: person\nuserPassword: s3cret\n\n"
        "dn: cn=a,dc=x\nchangetype: modify\ndelete: userPassword\n-\nadd: userPassword\nuserPassword: other\n",
        &uuid);
    assert_null(entry_attribute(ldif_model_find(model, &uuid), schema_canonical("userPassword", 12)));
    talloc_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reader),         cmocka_unit_test(test_reader_octets),
        cmocka_unit_test(test_initial),        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_subtree_rename), cmocka_unit_test(test_view),
        cmocka_unit_test(test_refreshes),      cmocka_unit_test(test_batches),
        cmocka_unit_test(test_silent),         cmocka_unit_test(test_clock),
        cmocka_unit_test(test_restart),        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_missing_file),   cmocka_unit_test(test_operational),
        cmocka_unit_test(test_uuid),           cmocka_unit_test(test_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

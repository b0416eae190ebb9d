// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/deliver/maildir.h"
#include "deliver/transport.h"

static const struct message message = {
    .id = 7,
    .recipient = "user@example.com",
    .envelope_from = "bounce@example.com",
    .bytes = (const uint8_t *)"Subject: x\r\n\r\n.dot\r\nlone\rcr\r\n",
    .length = 30,
};

struct fixture {
    char root[64];
    char path[80];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->root, sizeof f->root, "/tmp/ldapnotify-maildir-XXXXXX");
    if (!mkdtemp(f->root))
        return -1;
    snprintf(f->path, sizeof f->path, "%s/mail", f->root);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[160];
    snprintf(command, sizeof command, "chmod -R u+rwx '%s' && rm -r '%s'", f->root, f->root);
    int result = system(command);
    free(f);
    return result;
}

// The number of files below `part`; the path of the last one.
static size_t files(const struct fixture *f, const char *part, char *path, size_t room)
{
    char directory[128];
    snprintf(directory, sizeof directory, "%s/%s", f->path, part);
    DIR *list = opendir(directory);
    if (!list)
        return 0;
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(list));)
        if (entry->d_name[0] != '.') {
            count++;
            if (path)
                snprintf(path, room, "%s/%s", directory, entry->d_name);
        }
    closedir(list);
    return count;
}

static unsigned mode_of(const char *path)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_mode & 07777;
}

static void test_writes(void **state)
{
    struct fixture *f = *state;
    struct error err;
    char path[512], text[512] = "";
    umask(0);
    for (int i = 0; i < 3; i++)
        if (maildir_write(f->path, &message, &err) < 0)
            fail_msg("%s", err.text);
    assert_int_equal(files(f, "new", path, sizeof path), 3);
    assert_int_equal(files(f, "tmp", NULL, 0), 0);
    assert_int_equal(mode_of(path), 0600);
    assert_int_equal(mode_of(f->path), 0700);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    assert_string_equal(text, "Return-Path: <bounce@example.com>\nDelivered-To: user@example.com\n"
                              "Subject: x\n\n.dot\nlone\rcr\n");
}

static void test_envelope_begins_no_header(void **state)
{
    struct fixture *f = *state;
    struct message hostile = message;
    struct error err;
    char path[512], text[64] = "";
    hostile.recipient = "user@example.com\nBcc: x@example.com";
    assert_int_equal(maildir_write(f->path, &hostile, &err), 0);
    assert_int_equal(files(f, "new", path, sizeof path), 1);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    assert_null(strstr(text, "Bcc"));
}

static void test_says_what_failed(void **state)
{
    struct fixture *f = *state;
    struct error err;
    char missing[128];
    snprintf(missing, sizeof missing, "%s/no/such/parent", f->root);
    assert_int_equal(maildir_write(missing, &message, &err), -1);
    assert_non_null(strstr(err.text, missing));
    assert_non_null(strstr(err.text, "No such file"));
}

struct told {
    size_t count;
    enum transport_outcome outcome;
    int64_t message;
    struct event_base *base;
    size_t want;
};

static void on_done(void *context, int64_t id, const struct transport_result *result)
{
    struct told *told = context;
    told->count++;
    told->message = id;
    told->outcome = result->outcome;
}

static void test_transport(void **state)
{
    struct fixture *f = *state;
    struct error err;
    struct told told = { .base = event_base_new() };
    struct config_transport config = { .name = (char *)"files",
                                       .type = CONFIG_TRANSPORT_MAILDIR,
                                       .path = f->path };
    struct transport *transport = transport_open(NULL, told.base, &config, on_done, &told, &err);
    assert_non_null(transport);
    size_t sent = 0;
    while (transport_room(transport) > 0) {
        assert_int_equal(transport_send(transport, &message, &err), 0);
        sent++;
    }
    assert_int_equal(told.count, 0); // never from inside
    event_base_loop(told.base, EVLOOP_NONBLOCK);
    assert_int_equal(told.count, sent);
    assert_int_equal(told.outcome, TRANSPORT_ACCEPTED);
    assert_int_equal(told.message, 7);
    assert_int_equal(files(f, "new", NULL, 0), sent);
    transport_close(transport);

    char missing[128];
    snprintf(missing, sizeof missing, "%s/no/such/parent", f->root);
    config.path = missing;
    transport = transport_open(NULL, told.base, &config, on_done, &told, &err);
    assert_int_equal(transport_send(transport, &message, &err), 0);
    event_base_loop(told.base, EVLOOP_NONBLOCK);
    assert_int_equal(told.outcome, TRANSPORT_TEMPORARY);
    transport_close(transport);
    event_base_free(told.base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_writes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_envelope_begins_no_header, setup, teardown),
        cmocka_unit_test_setup_teardown(test_says_what_failed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_transport, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

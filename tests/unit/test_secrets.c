// SPDX-License-Identifier: Apache-2.0
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

#include "config/config.h"
#include "config_fixture.h"

static struct fixture fixture;

// A configuration with one directory whose secret is `secret`; the daemon's account is one that every system has.
static struct config *config_with(struct config_secret secret)
{
    struct config *config = talloc_zero(NULL, struct config);
    config->user = talloc_strdup(config, "daemon");
    config->directories = talloc_zero_array(config, struct config_directory, 1);
    config->directory_count = 1;
    config->directories[0].name = talloc_strdup(config, "corp");
    config->directories[0].bind_password = secret;
    return config;
}

// The secret as loaded, or NULL with the error.
static char *load(struct config_secret secret, struct error *err)
{
    static char value[100000];
    struct config *config = config_with(secret);
    *err = (struct error){ 0 };
    int result = config_load_secrets(config, err);
    if (result == 0)
        snprintf(value, sizeof value, "%s", config->directories[0].bind_password.value);
    talloc_free(config);
    return result == 0 ? value : NULL;
}

static char *path_of(const char *path)
{
    return (char *)(uintptr_t)path;
}

static char *load_file(const char *text, size_t length, mode_t mode, struct error *err)
{
    const char *path = fixture_write(&fixture, "secret", text, length);
    assert_int_equal(chmod(path, mode), 0);
    return load((struct config_secret){ .file = path_of(path) }, err);
}

static void test_contents(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t length;
        const char *value, *problem;
    } cases[] = {
        { "secret", 6, "secret", NULL },
        { "secret\n", 7, "secret", NULL },
        { "secret\r\n", 8, "secret", NULL },
        { " two words \n", 12, " two words ", NULL },
        { "Zo\xeb\n", 4, "Zo\xeb", NULL },
        { "tab\there", 8, "tab\there", NULL },
        { "", 0, NULL, "is empty" },
        { "\n", 1, NULL, "is empty" },
        { "\r\n", 2, NULL, "is empty" },
        { "sec\0ret", 7, NULL, "holds a NUL octet" },
        { "secret\n\n", 8, NULL, "holds more than one line" },
        { "# comment\nsecret\n", 17, NULL, "holds more than one line" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err;
        const char *value = load_file(cases[i].text, cases[i].length, 0600, &err);
        if (cases[i].value) {
            if (!value)
                fail_msg("%zu: %s", i, err.text);
            assert_string_equal(value, cases[i].value);
        } else {
            assert_null(value);
            if (!strstr(err.text, cases[i].problem))
                fail_msg("%zu: %s", i, err.text);
            assert_ptr_equal(strstr(err.text, "directories \"corp\": bind_password: /"), err.text);
            assert_null(strstr(err.text, "sec\nret"));
        }
    }
}

static void test_size(void **state)
{
    (void)state;
    struct error err;
    static char text[64 * 1024 + 1];
    memset(text, 'x', sizeof text);
    const char *value = load_file(text, sizeof text - 1, 0600, &err);
    assert_non_null(value);
    assert_int_equal(strlen(value), sizeof text - 1);
    assert_null(load_file(text, sizeof text, 0600, &err));
    assert_non_null(strstr(err.text, "is too large for a secret"));
}

static void test_permissions(void **state)
{
    (void)state;
    static const struct {
        mode_t mode;
        const char *problem;
    } cases[] = {
        { 0600, NULL },
        { 0400, NULL },
        { 0604, "can be read by every user of this machine; run: chmod 600 /" },
        { 0602, "can be changed by every user" },
        { 0640, "can be read by its group (number " },
        { 0620, "can be changed by its group" },
        { 0644, "can be read by every user" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err;
        const char *value = load_file("x", 1, cases[i].mode, &err);
        assert_int_equal(value != NULL, cases[i].problem == NULL);
        if (!value && !strstr(err.text, cases[i].problem))
            fail_msg("%04o: %s", cases[i].mode, err.text);
    }
}

// Readable by the daemon's group: the primary one of `user`, or `group`. Only root can give files away.
static void test_group(void **state)
{
    (void)state;
    if (geteuid() != 0)
        return;
    struct stat account;
    struct error err;
    const char *path = fixture_text(&fixture, "secret", "x");
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(chown(path, 0, 1), 0); // group and user 1 are daemon on Debian and most others
    assert_int_equal(stat(path, &account), 0);
    assert_non_null(load((struct config_secret){ .file = path_of(path) }, &err));

    struct config *config = config_with((struct config_secret){ .file = path_of(path) });
    config->group = talloc_strdup(config, "root");
    assert_int_equal(config_load_secrets(config, &err), -1);
    assert_non_null(strstr(err.text, "can be read by its group (number 1), which is not the daemon's"));
    config->group = talloc_strdup(config, "daemon");
    config->user = talloc_strdup(config, "no-such-user");
    assert_int_equal(config_load_secrets(config, &err), 0);
    talloc_free(config);

    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(chown(path, 1, 1), 0);
    assert_non_null(load((struct config_secret){ .file = path_of(path) }, &err));
    assert_int_equal(chown(path, 12345, 1), 0);
    assert_null(load((struct config_secret){ .file = path_of(path) }, &err));
    assert_non_null(strstr(err.text, "belongs to another user (number 12345), who could change it; run: chown daemon /"));
}

static void test_kinds_of_files(void **state)
{
    (void)state;
    struct error err;
    char link_path[300], pipe_path[300];
    const char *path = fixture_text(&fixture, "target", "linked\n");
    assert_int_equal(chmod(path, 0600), 0);
    snprintf(link_path, sizeof link_path, "%s/link", fixture.path);
    snprintf(pipe_path, sizeof pipe_path, "%s/pipe", fixture.path);
    assert_int_equal(symlink("target", link_path), 0);
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    const char *value = load((struct config_secret){ .file = link_path }, &err);
    assert_non_null(value);
    assert_string_equal(value, "linked");
    assert_null(load((struct config_secret){ .file = pipe_path }, &err));
    assert_non_null(strstr(err.text, "/pipe is no regular file"));
    assert_null(load((struct config_secret){ .file = fixture.path }, &err));
    assert_non_null(strstr(err.text, "is no regular file"));
    assert_null(load((struct config_secret){ .file = path_of("/nonexistent/secret") }, &err));
    assert_non_null(strstr(err.text, "opening /nonexistent/secret: No such file or directory"));
}

static void test_environment(void **state)
{
    (void)state;
    struct error err;
    struct config_secret secret = { .environment = path_of("LDAPNOTIFY_TEST_SECRET") };
    unsetenv("LDAPNOTIFY_TEST_SECRET");
    assert_null(load(secret, &err));
    assert_non_null(strstr(err.text, "the environment variable LDAPNOTIFY_TEST_SECRET is not set"));
    setenv("LDAPNOTIFY_TEST_SECRET", "", 1);
    assert_null(load(secret, &err));
    assert_non_null(strstr(err.text, "is empty"));
    setenv("LDAPNOTIFY_TEST_SECRET", "from outside", 1);
    assert_string_equal(load(secret, &err), "from outside");
}

static void test_credential(void **state)
{
    (void)state;
    struct error err;
    struct config_secret secret = { .credential = path_of("corp") };
    unsetenv("CREDENTIALS_DIRECTORY");
    assert_null(load(secret, &err));
    assert_non_null(strstr(err.text, "there are no systemd credentials; add LoadCredential=corp:PATH to the unit"));
    setenv("CREDENTIALS_DIRECTORY", fixture.path, 1);
    assert_null(load(secret, &err));
    assert_non_null(strstr(err.text, "/corp: No such file or directory"));
    // systemd's access lists look like group bits.
    assert_int_equal(chmod(fixture_text(&fixture, "corp", "given\n"), 0440), 0);
    assert_string_equal(load(secret, &err), "given");
    unsetenv("CREDENTIALS_DIRECTORY");
}

// Every kind of element that has a secret, and a reload that finds another value.
static void test_everywhere(void **state)
{
    (void)state;
    struct error err;
    setenv("LDAPNOTIFY_TEST_SECRET", "one", 1);
    struct config *config = config_with((struct config_secret){ .environment = path_of("LDAPNOTIFY_TEST_SECRET") });
    config->transports = talloc_zero_array(config, struct config_transport, 2);
    config->transport_count = 2;
    config->transports[1].name = talloc_strdup(config, "relay");
    config->transports[1].password.environment = path_of("LDAPNOTIFY_TEST_SECRET");
    assert_int_equal(config_load_secrets(config, &err), 0);
    assert_string_equal(config->directories[0].bind_password.value, "one");
    assert_null(config->transports[0].password.value);
    assert_string_equal(config->transports[1].password.value, "one");
    setenv("LDAPNOTIFY_TEST_SECRET", "two", 1);
    assert_int_equal(config_load_secrets(config, &err), 0);
    assert_string_equal(config->transports[1].password.value, "two");
    unsetenv("LDAPNOTIFY_TEST_SECRET");
    assert_int_equal(config_load_secrets(config, &err), -1);
    assert_ptr_equal(strstr(err.text, "transports \"relay\": password: "), err.text);
    talloc_free(config);
}

static int begin(void **state)
{
    (void)state;
    fixture_begin(&fixture);
    return 0;
}

static int end(void **state)
{
    (void)state;
    fixture_end(&fixture);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contents),    cmocka_unit_test(test_size),
        cmocka_unit_test(test_permissions), cmocka_unit_test(test_group),
        cmocka_unit_test(test_kinds_of_files), cmocka_unit_test(test_environment),
        cmocka_unit_test(test_credential),  cmocka_unit_test(test_everywhere),
    };
    return cmocka_run_group_tests(tests, begin, end);
}

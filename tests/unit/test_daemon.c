// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

// The whole supervisor process with real configuration, secrets and signals. Its workers are doubles
// (daemon_workers.c) that write down what they were given.

#define PATIENCE (30 * CLOCK_SECOND)

struct rig {
    char directory[64], config[128], trace[128], pid_path[128], socket_path[128], output[128];
    int notify;
    pid_t pid;
};

static const char *double_program(void)
{
    static char path[512];
    const char *built = getenv("top_builddir");
    snprintf(path, sizeof path, "%s/tests/unit/daemon_double", built ? built : ".");
    return path;
}

static char *path_in(struct rig *rig, const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", rig->directory, name);
    return path;
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, text, strlen(text)), strlen(text));
    close(descriptor);
}

static char *read_file(const char *path)
{
    static char text[64 * 1024];
    FILE *file = fopen(path, "r");
    size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    text[length] = '\0';
    return text;
}

static size_t count_in(const char *path, const char *what)
{
    size_t count = 0;
    for (const char *at = read_file(path); (at = strstr(at, what)); at += strlen(what))
        count++;
    return count;
}

// Root lets the workers be nobody; everybody else stays who they are.
static const char *worker_user(void)
{
    const struct passwd *self = geteuid() == 0 ? getpwnam("nobody") : getpwuid(geteuid());
    return self ? self->pw_name : "nobody";
}

static void write_config(struct rig *rig, const char *directories, const char *more)
{
    char text[4096];
    const char *d = rig->directory;
    snprintf(
        text, sizeof text,
        "user = \"%s\"; state_dir = \"%s/state\"; run_dir = \"%s/run\"; template_dir = \"%s/templates\";\n"
        "pid_file = \"%s\"; log = { target = \"file\"; file = \"%s/log\"; level = \"debug\"; };\n"
        "mail = { from = \"no-reply@example.com\"; admins = [ \"it@example.com\" ]; };\n"
        "transports = ( { name = \"default\"; type = \"smtp\"; hosts = \"localhost\"; tls = \"none\"; } );\n"
        "directories = ( %s );\n"
        "rules = ( { on = [ \"group.member.added\" ]; to = [ \"member\" ]; } );\n%s",
        worker_user(), d, d, d, rig->pid_path, d, directories, more);
    write_file(rig->config, text, 0600);
}

// `base` tells one version of a directory's configuration from another.
static char *directory_text(struct rig *rig, const char *name, const char *base)
{
    static char texts[4][512];
    static int next;
    char *text = texts[next++ % 4];
    snprintf(text, 512,
             "{ name = \"%s\"; uri = \"ldaps://ldap.example.com\"; base = \"%s\"; bind_dn = "
             "\"cn=reader,dc=example\"; "
             "bind_password_file = \"%s/%s.secret\"; }",
             name, base, rig->directory, name);
    return text;
}

static void write_two_directories(struct rig *rig, const char *corp_base, const char *more)
{
    char both[1024];
    snprintf(both, sizeof both, "%s, %s", directory_text(rig, "corp", corp_base),
             directory_text(rig, "lab", "dc=lab"));
    write_config(rig, both, more);
}

static int open_notify(struct rig *rig)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof address.sun_path, "%s/notify", rig->directory);
    rig->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return bind(rig->notify, (struct sockaddr *)&address, sizeof address);
}

static int rig_make(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    snprintf(rig->directory, sizeof rig->directory, "/tmp/test_daemon.XXXXXX");
    if (!mkdtemp(rig->directory) || chmod(rig->directory, 0755) < 0 || open_notify(rig) < 0)
        return -1;
    snprintf(rig->config, sizeof rig->config, "%s/ldapnotify.conf", rig->directory);
    snprintf(rig->trace, sizeof rig->trace, "%s/state/trace", rig->directory);
    snprintf(rig->pid_path, sizeof rig->pid_path, "%s/pid", rig->directory);
    snprintf(rig->output, sizeof rig->output, "%s/output", rig->directory);
    mkdir(path_in(rig, "templates"), 0755);
    mkdir(path_in(rig, "templates/en"), 0755);
    static const char *const templates[] = { "default.subject", "default.txt", "digest.subject",
                                             "digest.txt" };
    for (size_t i = 0; i < sizeof templates / sizeof *templates; i++) {
        char name[64];
        snprintf(name, sizeof name, "templates/en/%s", templates[i]);
        write_file(path_in(rig, name), "News\n", 0644);
    }
    write_file(path_in(rig, "corp.secret"), "first\n", 0600);
    write_file(path_in(rig, "lab.secret"), "other\n", 0600);
    write_two_directories(rig, "dc=corp", "");
    *state = rig;
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

static int rig_free(void **state)
{
    struct rig *rig = *state;
    if (rig->pid > 0) {
        kill(rig->pid, SIGKILL);
        waitpid(rig->pid, NULL, 0);
    }
    close(rig->notify);
    nftw(rig->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(rig);
    return 0;
}

static pid_t spawn(struct rig *rig, const char *a, const char *b, const char *c)
{
    char notify[128];
    snprintf(notify, sizeof notify, "%s/notify", rig->directory);
    pid_t pid = fork();
    if (pid == 0) {
        int out = open(rig->output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        dup2(out, 1);
        dup2(out, 2);
        setenv("NOTIFY_SOCKET", notify, 1);
        execl(double_program(), "ldapnotifyd", "-c", rig->config, a, b, c, (char *)NULL);
        _exit(126);
    }
    return pid;
}

// Few datagrams fit into the socket, and whoever writes to a full one waits.
static void drain_notify(struct rig *rig)
{
    char message[2048];
    while (recv(rig->notify, message, sizeof message, 0) >= 0)
        continue;
}

static int wait_for_end(struct rig *rig, pid_t pid)
{
    int status;
    int64_t until = clock_monotonic() + PATIENCE;
    while (waitpid(pid, &status, WNOHANG) != pid) {
        if (clock_monotonic() > until) {
            kill(pid, SIGKILL);
            fail_msg("process %ld does not end", (long)pid);
        }
        drain_notify(rig);
        poll(NULL, 0, 5);
    }
    return status;
}

static int run(struct rig *rig, const char *a, const char *b, const char *c)
{
    int status = wait_for_end(rig, spawn(rig, a, b, c));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void fail_with_log(struct rig *rig, const char *missing)
{
    fprintf(stderr, "%s", read_file(path_in(rig, "log")));
    fail_msg("\"%s\" never came", missing);
}

// Everything that was said to systemd up to a message with `what` in it.
static void await_notify(struct rig *rig, const char *what)
{
    char message[2048];
    int64_t until = clock_monotonic() + PATIENCE;
    while (clock_monotonic() < until) {
        struct pollfd ready = { .fd = rig->notify, .events = POLLIN };
        poll(&ready, 1, 100);
        ssize_t length = recv(rig->notify, message, sizeof message - 1, 0);
        if (length < 0)
            continue;
        message[length] = '\0';
        if (strstr(message, what))
            return;
    }
    fail_with_log(rig, what);
}

static void await_text(struct rig *rig, const char *path, const char *what, size_t times)
{
    int64_t until = clock_monotonic() + PATIENCE;
    while (count_in(path, what) < times) {
        if (clock_monotonic() > until)
            fail_with_log(rig, what);
        drain_notify(rig);
        poll(NULL, 0, 10);
    }
}

static void start(struct rig *rig)
{
    rig->pid = spawn(rig, "-f", NULL, NULL);
    await_notify(rig, "READY=1");
}

static void stop(struct rig *rig)
{
    kill(rig->pid, SIGTERM);
    await_notify(rig, "STOPPING=1");
    assert_int_equal(wait_for_end(rig, rig->pid), 0);
    rig->pid = 0;
}

static void daemon_starts_and_stops_in_order(void **state)
{
    struct rig *rig = *state;
    start(rig);
    assert_int_equal(count_in(rig->trace, "start"), 4);
    assert_int_equal(count_in(rig->trace, "start watch corp secret=first"), 1);
    assert_int_equal(count_in(rig->trace, "start watch lab secret=other"), 1);
    assert_int_equal(strtol(read_file(rig->pid_path), NULL, 10), rig->pid);
    stop(rig);
    const char *trace = read_file(rig->trace), *corp = strstr(trace, "stop watch corp"),
               *lab = strstr(trace, "stop watch lab");
    const char *deliver = strstr(trace, "stop deliver"), *control = strstr(trace, "stop control");
    assert_true(corp && lab && deliver && control);
    assert_true(corp < deliver && lab < deliver && deliver < control);
    assert_int_equal(access(rig->pid_path, F_OK), -1);
}

static void only_what_was_asked_for_runs(void **state)
{
    struct rig *rig = *state;
    rig->pid = spawn(rig, "-f", "--run=deliver,control", NULL);
    await_notify(rig, "READY=1");
    assert_int_equal(count_in(rig->trace, "start"), 2);
    assert_int_equal(count_in(rig->trace, "start watch"), 0);
    stop(rig);
}

static void bad_reload_changes_nothing(void **state)
{
    struct rig *rig = *state;
    start(rig);
    write_two_directories(rig, "dc=new", "colour = \"red\";\n");
    kill(rig->pid, SIGHUP);
    await_notify(rig, "RELOADING=1");
    await_notify(rig, "READY=1");
    assert_int_equal(count_in(rig->trace, "stop"), 0);
    assert_true(count_in(path_in(rig, "log"), "reload refused") == 1);
    assert_true(count_in(path_in(rig, "log"), "colour") >= 1);
    // A secret that cannot be read is as good a reason.
    write_two_directories(rig, "dc=new", "");
    unlink(path_in(rig, "lab.secret"));
    kill(rig->pid, SIGHUP);
    await_notify(rig, "RELOADING=1");
    await_notify(rig, "READY=1");
    assert_int_equal(count_in(rig->trace, "stop"), 0);
    stop(rig);
}

static void good_reload_replaces_only_what_changed(void **state)
{
    struct rig *rig = *state;
    start(rig);
    write_two_directories(rig, "dc=new", "");
    kill(rig->pid, SIGHUP);
    await_text(rig, rig->trace, "start watch corp", 2);
    assert_int_equal(count_in(rig->trace, "stop watch corp"), 1);
    assert_int_equal(count_in(rig->trace, "start watch lab"), 1);
    write_config(rig, directory_text(rig, "corp", "dc=new"), "");
    kill(rig->pid, SIGHUP);
    await_text(rig, rig->trace, "stop watch lab", 1);
    stop(rig);
    assert_int_equal(count_in(rig->trace, "start watch corp"), 2);
}

static void reload_finds_edited_templates(void **state)
{
    struct rig *rig = *state;
    start(rig);
    write_file(path_in(rig, "templates/en/default.txt"), "Good {{no_such_tag}}.\n", 0644);
    kill(rig->pid, SIGHUP);
    await_text(rig, path_in(rig, "log"), "reload refused", 1);
    write_file(path_in(rig, "templates/en/default.txt"), "Good news.\n", 0644);
    kill(rig->pid, SIGHUP);
    await_text(rig, rig->trace, "start deliver", 2);
    stop(rig);
    assert_int_equal(count_in(rig->trace, "start watch"), 2);
}

static void rotated_secret_reaches_its_worker_alone(void **state)
{
    struct rig *rig = *state;
    start(rig);
    // What else was edited meanwhile waits for a reload.
    write_two_directories(rig, "dc=half-finished", "");
    write_file(path_in(rig, "next"), "second\n", 0600);
    assert_int_equal(
        rename(path_in(rig, "next"), strcat(strcpy((char[256]){ 0 }, rig->directory), "/corp.secret")), 0);
    await_text(rig, rig->trace, "start watch corp secret=second", 1);
    assert_int_equal(count_in(rig->trace, "stop"), 1);
    assert_int_equal(count_in(path_in(rig, "log"), "second"), 0);
    stop(rig);
}

static void background_start_waits_for_the_workers(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    assert_int_equal(run(rig, NULL, NULL, NULL), 0);
    assert_int_equal(count_in(rig->trace, "start"), 4);
    pid_t pid = (pid_t)strtol(read_file(rig->pid_path), NULL, 10);
    assert_true(pid > 0 && kill(pid, 0) == 0);
    assert_int_not_equal(getsid(pid), getsid(0));
    assert_int_not_equal(getsid(pid), pid);
    // A second one says who runs, and leaves it alone.
    char words[64];
    snprintf(words, sizeof words, "running already, as process %ld", (long)pid);
    assert_int_equal(run(rig, NULL, NULL, NULL), 1);
    assert_int_equal(count_in(rig->output, words), 1);
    assert_int_equal(run(rig, "-f", NULL, NULL), 1);
    assert_int_equal(count_in(rig->output, words), 1);
    assert_int_equal(strtol(read_file(rig->pid_path), NULL, 10), pid);
    assert_int_equal(count_in(rig->trace, "start"), 4);
    kill(pid, SIGTERM);
    assert_int_equal(wait_for_end(rig, pid), 0);
    assert_int_equal(access(rig->pid_path, F_OK), -1);
    // What a crash left behind is in nobody's way.
    write_file(rig->pid_path, "1\n", 0644);
    assert_int_equal(run(rig, NULL, NULL, NULL), 0);
    pid = (pid_t)strtol(read_file(rig->pid_path), NULL, 10);
    kill(pid, SIGTERM);
    assert_int_equal(wait_for_end(rig, pid), 0);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    while (waitpid(-1, NULL, 0) > 0) // the one that was refused
        continue;
}

static void killed_supervisor_takes_its_workers_along(void **state)
{
    struct rig *rig = *state;
    start(rig);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    kill(rig->pid, SIGKILL);
    assert_int_equal(waitpid(rig->pid, NULL, 0), rig->pid);
    rig->pid = 0;
    int adopted = 0, status;
    int64_t until = clock_monotonic() + PATIENCE;
    while (clock_monotonic() < until) {
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid < 0)
            break;
        adopted += pid > 0;
        poll(NULL, 0, 10);
    }
    assert_int_equal(adopted, 4);
    assert_int_equal(errno, ECHILD);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static void test_option_tells_every_problem(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(run(rig, "-t", NULL, NULL), 0);
    assert_int_equal(count_in(rig->output, "trial"), 1);
    assert_int_equal(access(path_in(rig, "state"), F_OK), -1); // looking leaves nothing behind
    write_two_directories(rig, "dc=corp", "colour = \"red\";\nsize = 3;\n");
    assert_int_equal(run(rig, "-t", NULL, NULL), 1);
    assert_int_equal(count_in(rig->output, "colour"), 1);
    assert_int_equal(count_in(rig->output, "size"), 1);
    write_two_directories(rig, "dc=corp", "");
    unlink(path_in(rig, "lab.secret"));
    assert_int_equal(run(rig, "-t", NULL, NULL), 1);
    assert_true(count_in(rig->output, "lab.secret") >= 1);
}

static void failed_start_is_told_to_the_caller(void **state)
{
    struct rig *rig = *state;
    write_two_directories(rig, "dc=corp", "colour = \"red\";\n");
    assert_int_equal(run(rig, NULL, NULL, NULL), 1);
    assert_int_equal(count_in(rig->output, "colour"), 1);
    write_two_directories(rig, "dc=corp", "");
    write_file(path_in(rig, "run"), "in the way", 0600);
    assert_int_equal(run(rig, NULL, NULL, NULL), 1);
    assert_true(count_in(rig->output, "/run") >= 1);
    unlink(path_in(rig, "run"));
    snprintf(rig->pid_path, sizeof rig->pid_path, "%s/nowhere/pid", rig->directory);
    write_two_directories(rig, "dc=corp", "");
    assert_int_equal(run(rig, NULL, NULL, NULL), 1);
    assert_true(count_in(rig->output, "nowhere/pid") == 1);
}

static void command_line_is_read(void **state)
{
    static const struct {
        const char *argument;
        int status;
        const char *words;
    } cases[] = {
        { "--help", 0, "Usage: ldapnotifyd" },
        { "-V", 0, "ldapnotifyd " PACKAGE_VERSION },
        { "--colour", 2, "--colour" },
        { "--run=dance", 2, "dance" },
        { "extra", 2, "extra" },
        { "--worker=nobody", 2, "there is no worker" },
        { "--worker=deliver", 1, "" },
        { "--stuck-uri=x", 2, "not a number" },
    };
    struct rig *rig = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(run(rig, cases[i].argument, NULL, NULL), cases[i].status);
        assert_non_null(strstr(read_file(rig->output), cases[i].words));
    }
}

static void directories_are_made_for_the_workers(void **state)
{
    struct rig *rig = *state;
    const struct passwd *nobody = getpwnam("nobody");
    struct stat status;
    char line[64];
    start(rig);
    static const char *const made[] = { "state", "run", "log" };
    static const mode_t modes[] = { 0750, 0755, 0640 };
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(stat(path_in(rig, made[i]), &status), 0);
        assert_int_equal(status.st_uid, nobody->pw_uid);
        assert_int_equal(status.st_gid, nobody->pw_gid);
        assert_int_equal(status.st_mode & 07777, modes[i]);
    }
    snprintf(line, sizeof line, "uid=%d\n", (int)nobody->pw_uid);
    assert_int_equal(count_in(rig->trace, line), 4);
    stop(rig);
}

static void unknown_user_is_refused(void **state)
{
    struct rig *rig = *state;
    write_two_directories(rig, "dc=corp", "");
    char *text = read_file(rig->config);
    char *user = strstr(text, "\"nobody\"");
    assert_non_null(user);
    memcpy(user, "\"no-one\"", strlen("\"no-one\""));
    write_file(rig->config, text, 0600);
    assert_int_equal(run(rig, NULL, NULL, NULL), 1);
    assert_true(count_in(rig->output, "there is no user \"no-one\"") >= 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_make, rig_free)
    const struct CMUnitTest tests[] = {
        TEST(daemon_starts_and_stops_in_order),
        TEST(only_what_was_asked_for_runs),
        TEST(bad_reload_changes_nothing),
        TEST(good_reload_replaces_only_what_changed),
        TEST(reload_finds_edited_templates),
        TEST(rotated_secret_reaches_its_worker_alone),
        TEST(background_start_waits_for_the_workers),
        TEST(killed_supervisor_takes_its_workers_along),
        TEST(test_option_tells_every_problem),
        TEST(failed_start_is_told_to_the_caller),
        TEST(command_line_is_read),
        TEST(directories_are_made_for_the_workers),
        TEST(unknown_user_is_refused),
    };
    size_t count = sizeof tests / sizeof *tests;
    // cmocka's skip() is a failure in TAP, so what only root can try is left out.
    if (geteuid() != 0) {
        count -= 2;
        printf(
            "# not run, for they need root: directories_are_made_for_the_workers, unknown_user_is_refused\n");
    }
    return _cmocka_run_group_tests("daemon", tests, count, NULL, NULL);
}

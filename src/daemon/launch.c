// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include "member.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process/worker.h"

#define EXIT_NOT_EXECUTED 127
#define LAUNCH_SPARE 10 // above the descriptors that a worker finds

// A worker's environment is its own: the supervisor's may hold secrets of other workers. What
// libraries need stays.
static const char *const environment_names[] = {
    "PATH", "LANG", "LANGUAGE", "TZ", "HOME", "TMPDIR", "JOURNAL_STREAM", "LDAPCONF", "LDAPRC",
    "KRB5_CONFIG", "KRB5CCNAME", "KRB5_KTNAME", "KRB5_CLIENT_KTNAME", "KRB5_TRACE", "SASL_PATH",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "OPENSSL_CONF", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LD_LIBRARY_PATH",
    NULL,
};

static bool environment_keeps(const char *variable)
{
    if (strncmp(variable, "LC_", 3) == 0)
        return true;
    for (const char *const *name = environment_names; *name; name++) {
        size_t length = strlen(*name);
        if (strncmp(variable, *name, length) == 0 && variable[length] == '=')
            return true;
    }
    return false;
}

static char **environment_build(TALLOC_CTX *ctx)
{
    size_t count = 0, kept = 0;
    while (environ[count])
        count++;
    char **built = talloc_zero_array(ctx, char *, count + 1);
    for (size_t i = 0; built && i < count; i++)
        if (environment_keeps(environ[i]))
            built[kept++] = environ[i];
    return built;
}

static char **arguments_build(TALLOC_CTX *ctx, const struct member *member)
{
    char **arguments = talloc_zero_array(ctx, char *, 4);
    if (!arguments)
        return NULL;
    arguments[0] = talloc_strdup(arguments, "ldapnotifyd");
    arguments[1] = talloc_asprintf(arguments, "--worker=%s", member->name);
    bool made = arguments[0] && arguments[1];
    if (made && member->stuck_uri >= 0) {
        arguments[2] = talloc_asprintf(arguments, "--stuck-uri=%d", member->stuck_uri);
        made = arguments[2];
    }
    if (!made)
        TALLOC_FREE(arguments);
    return arguments;
}

// Sealed, so that neither side can change it under the other's eyes.
static int slice_file(const char *slice, struct error *err)
{
    size_t length = strlen(slice), done = 0;
    int descriptor = memfd_create("slice", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (descriptor < 0)
        return error_set(err, "making a memory file: %s", strerror(errno));
    while (done < length) {
        ssize_t written = write(descriptor, slice + done, length - done);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            goto failed;
        done += (size_t)written;
    }
    if (fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0)
        return descriptor;
failed:
    error_set(err, "filling a memory file: %s", strerror(errno));
    close(descriptor);
    return -1;
}

// Between fork and exec: async-signal-safe calls only.
static _Noreturn void child_execute(const int given[3], const char *program, char **arguments,
                                    char **environment)
{
    static const int wanted[3] = { WORKER_CHANNEL, WORKER_SLICE, WORKER_WAKE };
    int spare[3];
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int i = 0; i < 3; i++)
        if ((spare[i] = fcntl(given[i], F_DUPFD, LAUNCH_SPARE)) < 0)
            _exit(EXIT_NOT_EXECUTED);
    for (int i = 0; i < 3; i++)
        if (dup2(spare[i], wanted[i]) < 0)
            _exit(EXIT_NOT_EXECUTED);
    syscall(SYS_close_range, WORKER_WAKE + 1, UINT_MAX, 0);
    for (int i = 0; i < 3; i++) // a kernel without close_range: all else is close-on-exec anyway
        close(spare[i]);
    execve(program, arguments, environment);
    _exit(EXIT_NOT_EXECUTED);
}

int member_launch(struct member *member, struct error *err)
{
    int pair[2] = { -1, -1 }, slice = -1, result = -1;
    TALLOC_CTX *scratch = talloc_new(member);
    char **arguments = arguments_build(scratch, member);
    char **environment = environment_build(scratch);
    if (!scratch || !arguments || !environment) {
        error_set(err, "out of memory");
        goto out;
    }
    if (channel_pair(pair, err) < 0 || (slice = slice_file(member->slice, err)) < 0)
        goto out;
    const int given[3] = { pair[1], slice, member->supervisor->wake };
    pid_t pid = fork();
    if (pid == 0)
        child_execute(given, member->supervisor->settings.program, arguments, environment);
    if (pid < 0) {
        error_set(err, "making a process: %s", strerror(errno));
        goto out;
    }
    member->pid = pid;
    member->channel = pair[0];
    pair[0] = -1;
    result = 0;
out:
    if (result < 0)
        error_prepend(err, "starting %s: ", member->name);
    for (int i = 0; i < 2; i++)
        if (pair[i] >= 0)
            close(pair[i]);
    if (slice >= 0)
        close(slice);
    talloc_free(scratch);
    return result;
}

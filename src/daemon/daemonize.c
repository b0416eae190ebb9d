// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include "daemonize.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

// What the report begins with; no report at all is a failure too.
#define REPORT_GOOD 'g'
#define REPORT_BAD 'b'

static ssize_t read_whole(int descriptor, char *buffer, size_t size)
{
    size_t used = 0;
    while (used < size) {
        ssize_t got = read(descriptor, buffer + used, size - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        used += (size_t)got;
    }
    return (ssize_t)used;
}

// The process that the init script called. It must leave by _exit(): what is at exit belongs to the daemon.
static _Noreturn void wait_for_report(int descriptor, pid_t child)
{
    char report[1200];
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        continue;
    ssize_t length = read_whole(descriptor, report, sizeof report - 1);
    report[length] = '\0';
    if (length > 0 && report[0] == REPORT_GOOD)
        _exit(EXIT_SUCCESS);
    fprintf(stderr, "ldapnotifyd: %s\n",
            length > 1 ? report + 1 : "ended while it was starting; see its log");
    fflush(stderr);
    _exit(EXIT_FAILURE);
}

int daemonize(struct error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_set(err, "making a pipe: %s", strerror(errno));
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) {
        error_set(err, "going to the background: %s", strerror(errno));
        close(ends[0]);
        close(ends[1]);
        return -1;
    }
    if (child > 0) {
        close(ends[1]);
        wait_for_report(ends[0], child);
    }
    close(ends[0]);
    // A session of our own, and not its leader: no terminal can become ours again.
    if (setsid() < 0 || (child = fork()) < 0) {
        daemonize_report(ends[1], "cannot leave the session of the terminal");
        _exit(EXIT_FAILURE);
    }
    if (child > 0)
        _exit(EXIT_SUCCESS);
    return ends[1];
}

void daemonize_report(int descriptor, const char *words)
{
    char report[1200];
    int length = snprintf(report, sizeof report, "%c%s", words ? REPORT_BAD : REPORT_GOOD,
                          words ? words : "");
    if (length >= (int)sizeof report)
        length = sizeof report - 1;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int standard = 0; null >= 0 && standard < 3; standard++)
        dup2(null, standard);
    if (null >= 0)
        close(null);
    ssize_t ignored = write(descriptor, report,
                            (size_t)length); // the caller may be gone, and then nobody asks
    (void)ignored;
    close(descriptor);
}

// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include "pid_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static long pid_file_owner(int descriptor)
{
    char text[32] = { 0 };
    return pread(descriptor, text, sizeof text - 1, 0) > 0 ? strtol(text, NULL, 10) : 0;
}

// The daemon that held the lock before may have removed the file between our open and our lock.
static bool pid_file_is_current(const char *path, int descriptor)
{
    struct stat ours, theirs;
    return fstat(descriptor, &ours) == 0 && stat(path, &theirs) == 0 && ours.st_ino == theirs.st_ino &&
           ours.st_dev == theirs.st_dev;
}

static int pid_file_write(int descriptor)
{
    char text[32];
    int length = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (fchmod(descriptor, 0644) < 0 || ftruncate(descriptor, 0) < 0 ||
        pwrite(descriptor, text, (size_t)length, 0) != length)
        return -1;
    return 0;
}

int pid_file_take(const char *path, struct error *err)
{
    for (;;) {
        int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0644);
        if (descriptor < 0)
            return error_set(err, "opening the pid file %s: %s", path, strerror(errno));
        if (flock(descriptor, LOCK_EX | LOCK_NB) < 0) {
            if (errno == EWOULDBLOCK)
                error_set(err, "ldapnotifyd is running already, as process %ld (pid file %s)",
                          pid_file_owner(descriptor), path);
            else
                error_set(err, "locking the pid file %s: %s", path, strerror(errno));
            close(descriptor);
            return -1;
        }
        if (pid_file_is_current(path, descriptor)) {
            if (pid_file_write(descriptor) == 0)
                return descriptor;
            error_set(err, "writing the pid file %s: %s", path, strerror(errno));
            close(descriptor);
            return -1;
        }
        close(descriptor);
    }
}

void pid_file_give_back(const char *path, int descriptor)
{
    if (pid_file_is_current(path, descriptor))
        unlink(path);
    close(descriptor);
}

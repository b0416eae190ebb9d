// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include "state_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

#include "plan.h"

// Each duty has its own part of the file: a lock, and the process that holds it, as text.
#define PART 16

static int state_lock_open(const char *state_dir, const char *path, struct error *err)
{
    struct stat status;
    int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
    if (descriptor < 0)
        return error_set(err, "opening the lock %s: %s; check state_dir and its owner", path, strerror(errno));
    // Whoever owns the stores may run the daemon without root the next time.
    if (geteuid() == 0 && stat(state_dir, &status) == 0 && fchown(descriptor, status.st_uid, status.st_gid) < 0) {
        error_set(err, "giving the lock %s to the owner of %s: %s", path, state_dir, strerror(errno));
        close(descriptor);
        return -1;
    }
    return descriptor;
}

static int state_lock_refused(int descriptor, const char *state_dir, unsigned duty, struct error *err)
{
    char owner[PART + 1] = { 0 };
    int reason = errno;
    if (reason != EAGAIN && reason != EACCES)
        return error_set(err, "locking %s: %s", state_dir, strerror(reason));
    long pid = pread(descriptor, owner, PART, (off_t)duty * PART) > 0 ? strtol(owner, NULL, 10) : 0;
    return error_set(err, "%s is in use by another ldapnotifyd, process %ld, which runs %s; stop that one first", state_dir, pid,
                     duty_name(duty));
}

static int state_lock_part(int descriptor, const char *state_dir, unsigned duty, struct error *err)
{
    struct flock part = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)duty * PART, .l_len = PART };
    if (fcntl(descriptor, F_OFD_SETLK, &part) < 0)
        return state_lock_refused(descriptor, state_dir, duty, err);
    char text[PART + 1];
    snprintf(text, sizeof text, "%-15ld\n", (long)getpid());
    // The number is a courtesy: a full disk does not stop us here.
    if (pwrite(descriptor, text, PART, part.l_start) != PART)
        errno = 0;
    return 0;
}

int state_lock_take(const char *state_dir, unsigned duties, struct error *err)
{
    char *path = talloc_asprintf(NULL, "%s/ldapnotifyd.lock", state_dir);
    int descriptor = path ? state_lock_open(state_dir, path, err) : error_set(err, "out of memory");
    talloc_free(path);
    for (unsigned duty = 0; descriptor >= 0 && duty < DUTY_COUNT; duty++) {
        if (duties & 1u << duty && state_lock_part(descriptor, state_dir, duty, err) < 0) {
            close(descriptor);
            descriptor = -1;
        }
    }
    return descriptor;
}

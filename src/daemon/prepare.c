// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include "prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "process/privilege.h"

// The directories above may be read by all: they are not ours.
static int make_parents(const char *path, struct error *err)
{
    int result = 0;
    char *copy = talloc_strdup(NULL, path);
    if (!copy)
        return error_set(err, "out of memory");
    for (char *slash = copy; !result && (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        if (mkdir(copy, 0755) < 0 && errno != EEXIST)
            result = error_set(err, "making the directory %s: %s", copy, strerror(errno));
        *slash = '/';
    }
    talloc_free(copy);
    return result;
}

static int own(int descriptor, const char *path, mode_t mode, const struct account *account,
               struct error *err)
{
    if (fchmod(descriptor, mode) < 0)
        return error_set(err, "setting the mode of %s: %s", path, strerror(errno));
    if (account && fchown(descriptor, account->uid, account->gid) < 0)
        return error_set(err, "giving %s to user \"%s\": %s", path, account->user, strerror(errno));
    return 0;
}

static int prepare_directory(const char *path, mode_t mode, const struct account *account, struct error *err)
{
    struct stat status;
    if (make_parents(path, err) < 0)
        return -1;
    bool made = mkdir(path, 0700) == 0;
    if (!made && errno != EEXIST)
        return error_set(err, "making the directory %s: %s", path, strerror(errno));
    int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (made ? O_NOFOLLOW : 0));
    if (descriptor < 0)
        return error_set(err, "opening the directory %s: %s", path, strerror(errno));
    int result = made ? own(descriptor, path, mode, account, err) : 0;
    if (!made && account && fstat(descriptor, &status) == 0 && status.st_uid != account->uid &&
        !(status.st_gid == account->gid && status.st_mode & S_IWGRP) && !(status.st_mode & S_IWOTH))
        log_warning("directory belongs to another user than the workers run as; chown it",
                    LOG_S("path", path), LOG_S("user", account->user));
    close(descriptor);
    return result;
}

static int prepare_log(const char *path, const struct account *account, struct error *err)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
    if (descriptor < 0) // a log that is there is used; a reason against it is told by whoever opens it
        return 0;
    int result = own(descriptor, path, 0640, account, err);
    close(descriptor);
    return result;
}

int prepare_files(const struct config *config, struct error *err)
{
    struct account found, *account = NULL;
    if (geteuid() == 0) {
        if (account_find(config->user, config->group, &found, err) < 0)
            return -1;
        account = &found;
    }
    // Everybody may reach the control socket: the control worker asks the kernel who calls.
    if (prepare_directory(config->state_dir, 0750, account, err) < 0 ||
        prepare_directory(config->run_dir, 0755, account, err) < 0)
        return -1;
    if (config->log.target == CONFIG_LOG_FILE && config->log.file)
        return prepare_log(config->log.file, account, err);
    return 0;
}

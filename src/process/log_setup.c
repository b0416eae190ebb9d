// SPDX-License-Identifier: Apache-2.0
#include "process/log_setup.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

// systemd.exec(5): JOURNAL_STREAM holds device and inode of the stream that standard error was connected to.
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat status;
    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device && status.st_ino == inode;
}

enum config_log_target log_setup_choose(enum config_log_target target, bool foreground)
{
    if (target != CONFIG_LOG_AUTO)
        return target;
    if ((stderr_is_journal() || getenv("NOTIFY_SOCKET")) && access(JOURNAL_SOCKET, W_OK) == 0)
        return CONFIG_LOG_JOURNAL;
    return foreground || isatty(STDERR_FILENO) ? CONFIG_LOG_STDERR : CONFIG_LOG_SYSLOG;
}

int log_setup_open(const struct config_log *log, bool foreground, const char *ident, struct error *err)
{
    static const enum log_target targets[] = {
        [CONFIG_LOG_STDERR] = LOG_TARGET_STDERR,
        [CONFIG_LOG_SYSLOG] = LOG_TARGET_SYSLOG,
        [CONFIG_LOG_JOURNAL] = LOG_TARGET_JOURNAL,
        [CONFIG_LOG_FILE] = LOG_TARGET_FILE,
    };
    enum config_log_target target = log_setup_choose((enum config_log_target)log->target, foreground);
    if (target == CONFIG_LOG_FILE && !log->file)
        return error_set(err, "log.target is \"file\" but log.file is not set");
    return log_open(targets[target], log->file, (enum log_level)log->level, ident, err);
}

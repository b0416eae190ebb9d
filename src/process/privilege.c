// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include "process/privilege.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

int account_find(const char *user, const char *group, struct account *account, struct error *err)
{
    errno = 0;
    const struct passwd *found = getpwnam(user);
    if (!found)
        return error_set(
            err,
            "there is no user \"%s\"%s%s; create it (adduser --system --group %s) or set `user` in the "
            "configuration",
            user, errno ? ": " : "", errno ? strerror(errno) : "", user);
    if (strlen(user) >= sizeof account->user)
        return error_set(err, "the user name \"%s\" is too long", user);
    snprintf(account->user, sizeof account->user, "%s", user);
    account->uid = found->pw_uid;
    account->gid = found->pw_gid;
    if (!group)
        return 0;
    errno = 0;
    const struct group *their = getgrnam(group);
    if (!their)
        return error_set(
            err,
            "there is no group \"%s\"%s%s; create it (addgroup --system %s) or set `group` in the "
            "configuration",
            group, errno ? ": " : "", errno ? strerror(errno) : "", group);
    account->gid = their->gr_gid;
    return 0;
}

int privilege_give_up(const struct account *account, struct error *err)
{
    if (geteuid() != 0)
        return 0;
    if (initgroups(account->user, account->gid) < 0)
        return error_set(err, "taking the groups of user \"%s\": %s", account->user, strerror(errno));
    if (setresgid(account->gid, account->gid, account->gid) < 0)
        return error_set(err, "becoming group %lu: %s", (unsigned long)account->gid, strerror(errno));
    if (setresuid(account->uid, account->uid, account->uid) < 0)
        return error_set(err, "becoming user \"%s\": %s", account->user, strerror(errno));
    if (account->uid != 0 && (setuid(0) == 0 || geteuid() == 0))
        return error_set(err, "giving up root for user \"%s\" did not last", account->user);
    return 0;
}

int process_harden(struct error *err)
{
    const struct rlimit none = { 0, 0 };
    if (setrlimit(RLIMIT_CORE, &none) < 0)
        return error_set(err, "turning core dumps off: %s", strerror(errno));
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return error_set(err, "closing the process to debuggers: %s", strerror(errno));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_set(err, "refusing new privileges: %s", strerror(errno));
    umask(077);
    return 0;
}

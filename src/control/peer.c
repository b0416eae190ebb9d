// SPDX-License-Identifier: Apache-2.0
#include "peer.h"

#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GROUPS_MOST 256

int peer_of(int descriptor, struct peer *peer)
{
    struct ucred credentials;
    socklen_t size = sizeof credentials;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
        return -1;
    peer->uid = credentials.uid;
    peer->gid = credentials.gid;
    peer->pid = credentials.pid;
    const struct passwd *account = getpwuid(peer->uid);
    if (account)
        snprintf(peer->name, sizeof peer->name, "%s", account->pw_name);
    else
        snprintf(peer->name, sizeof peer->name, "uid %lu", (unsigned long)peer->uid);
    return 0;
}

static bool peer_in_group(const struct peer *peer, const char *name)
{
    const struct group *group = getgrnam(name);
    if (!group)
        return false;
    gid_t wanted = group->gr_gid, groups[GROUPS_MOST];
    int count = GROUPS_MOST;
    if (getgrouplist(peer->name, peer->gid, groups, &count) < 0)
        count = GROUPS_MOST;
    for (int i = 0; i < count; i++)
        if (groups[i] == wanted)
            return true;
    return peer->gid == wanted;
}

static bool peer_is_listed(const struct config_list *list, const struct peer *peer)
{
    for (size_t i = 0; i < list->count; i++) {
        const char *item = list->items[i];
        if (*item == '@' ? peer_in_group(peer, item + 1) : strcmp(item, peer->name) == 0)
            return true;
    }
    return false;
}

enum peer_right peer_right(const struct config_control *config, const struct peer *peer)
{
    if (peer->uid == 0 || peer->uid == geteuid() || peer_is_listed(&config->operators, peer))
        return PEER_OPERATE;
    return peer_is_listed(&config->readers, peer) ? PEER_READ : PEER_NOTHING;
}

// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include "secrets_watch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

// All that changes when a file is rewritten or another takes its name; zero when there is none.
struct looks {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified, changed;
};

struct watched {
    char *path;
    struct looks loaded, last;
};

struct secrets_watch {
    struct watched *files;
    size_t count;
};

static struct looks look(const char *path)
{
    struct stat status;
    struct looks looks;
    memset(&looks, 0, sizeof looks); // compared octet by octet
    if (stat(path, &status) == 0) {
        looks.device = status.st_dev;
        looks.inode = status.st_ino;
        looks.size = status.st_size;
        looks.modified = status.st_mtim;
        looks.changed = status.st_ctim;
    }
    return looks;
}

static bool same(const struct looks *a, const struct looks *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

char *secret_path(TALLOC_CTX *ctx, const struct config_secret *secret)
{
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    if (secret->file)
        return talloc_strdup(ctx, secret->file);
    if (secret->credential && credentials)
        return talloc_asprintf(ctx, "%s/%s", credentials, secret->credential);
    return NULL;
}

static void watch_add(struct secrets_watch *watch, const struct config_secret *secret)
{
    struct watched *file = &watch->files[watch->count];
    file->path = secret_path(watch, secret);
    if (!file->path)
        return;
    file->loaded = file->last = look(file->path);
    watch->count++;
}

struct secrets_watch *secrets_watch_new(TALLOC_CTX *ctx, const struct config *config)
{
    struct secrets_watch *watch = talloc_zero(ctx, struct secrets_watch);
    if (!watch)
        return NULL;
    watch->files = talloc_zero_array(watch, struct watched,
                                     config->directory_count + config->transport_count);
    if (!watch->files && config->directory_count + config->transport_count)
        TALLOC_FREE(watch);
    for (size_t i = 0; watch && i < config->directory_count; i++)
        watch_add(watch, &config->directories[i].bind_password);
    for (size_t i = 0; watch && i < config->transport_count; i++)
        watch_add(watch, &config->transports[i].password);
    return watch;
}

bool secrets_watch_look(struct secrets_watch *watch)
{
    bool changed = false;
    for (size_t i = 0; i < watch->count; i++) {
        struct watched *file = &watch->files[i];
        struct looks now = look(file->path);
        if (!same(&now, &file->loaded) && same(&now, &file->last)) {
            file->loaded = now;
            changed = true;
        }
        file->last = now;
    }
    return changed;
}

// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reader.h"

#define SECRET_SIZE_MOST (64 * 1024)

static int secret_wipe(char *text)
{
    explicit_bzero(text, talloc_get_size(text));
    return 0;
}

void secret_protect(char *text)
{
    talloc_set_destructor(text, secret_wipe);
}

char *secret_copy(TALLOC_CTX *ctx, const char *text, size_t length)
{
    char *copy = talloc_strndup(ctx, text, length);
    if (copy)
        secret_protect(copy);
    return copy;
}

// Who the daemon runs as: these may own or read its secrets beside root.
struct identity {
    const char *name;
    uid_t user;
    gid_t group;
    bool has_user, has_group;
};

static struct identity identity_of(const struct config *config)
{
    struct identity identity = { 0 };
    const struct passwd *account = config->user ? getpwnam(config->user) : NULL;
    if (account) {
        identity.name = config->user;
        identity.user = account->pw_uid;
        identity.group = account->pw_gid;
        identity.has_user = identity.has_group = true;
    }
    if (config->group) {
        const struct group *group = getgrnam(config->group);
        identity.has_group = group != NULL;
        identity.group = group ? group->gr_gid : 0;
    }
    return identity;
}

static int check_permissions(const char *path, const struct stat *status, const struct identity *identity,
                             struct error *err)
{
    bool owner = status->st_uid == 0 || status->st_uid == geteuid() ||
                 (identity->has_user && status->st_uid == identity->user);
    bool group = identity->has_group && status->st_gid == identity->group;
    if (!S_ISREG(status->st_mode))
        return error_set(err, "%s is no regular file", path);
    if (!owner)
        return error_set(err,
                         "%s belongs to another user (number %lu), who could change it; run: chown %s %s",
                         path, (unsigned long)status->st_uid, identity->has_user ? identity->name : "root", path);
    if (status->st_mode & (S_IROTH | S_IWOTH))
        return error_set(err, "%s can be %s by every user of this machine; run: chmod 600 %s", path,
                         status->st_mode & S_IROTH ? "read" : "changed", path);
    if ((status->st_mode & (S_IRGRP | S_IWGRP)) && !group)
        return error_set(
            err, "%s can be %s by its group (number %lu), which is not the daemon's; run: chmod 600 %s", path,
            status->st_mode & S_IRGRP ? "read" : "changed", (unsigned long)status->st_gid, path);
    return 0;
}

// A value as it was given; `source` says where ("the file /etc/x"). One line, without the newline an editor
// adds.
static int take_value(TALLOC_CTX *ctx, const char *source, const char *text, size_t length, char **value,
                      struct error *err)
{
    if (length > 0 && text[length - 1] == '\n')
        length--;
    if (length > 0 && text[length - 1] == '\r')
        length--;
    if (length == 0)
        return error_set(err, "%s is empty; put the secret into it", source);
    if (memchr(text, '\0', length))
        return error_set(err, "%s holds a NUL octet; it must be text", source);
    if (memchr(text, '\n', length) || memchr(text, '\r', length))
        return error_set(err, "%s holds more than one line; it must be the secret and nothing else", source);
    talloc_free(*value);
    *value = secret_copy(ctx, text, length);
    return *value ? 0 : error_set(err, "no memory");
}

static int cannot_open(const char *path, int reason, const struct identity *identity, struct error *err)
{
    bool another = reason == EACCES && identity && identity->has_user && geteuid() == identity->user;
    return error_set(err, "opening %s: %s%s%s%s%s", path, strerror(reason),
                     another ? "; the daemon is started as its own user here; run: chown " : "",
                     another ? identity->name : "", another ? " " : "", another ? path : "");
}

// `identity` NULL: whoever made the file has seen to its permissions.
static int load_file(TALLOC_CTX *ctx, const char *path, const struct identity *identity, char **value,
                     struct error *err)
{
    static char text[SECRET_SIZE_MOST + 1];
    size_t used = 0;
    int result = -1;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (descriptor < 0)
        return cannot_open(path, errno, identity, err);
    struct stat status;
    if (fstat(descriptor, &status) < 0) {
        error_set(err, "reading %s: %s", path, strerror(errno));
        goto done;
    }
    static const struct identity nobody;
    if (!S_ISREG(status.st_mode) || identity) {
        if (check_permissions(path, &status, identity ? identity : &nobody, err) < 0)
            goto done;
    }
    ssize_t more;
    while (used < sizeof text && (more = read(descriptor, text + used, sizeof text - used)) != 0) {
        if (more < 0) {
            error_set(err, "reading %s: %s", path, strerror(errno));
            goto done;
        }
        used += (size_t)more;
    }
    if (used > SECRET_SIZE_MOST) {
        error_set(err, "%s is too large for a secret (more than 64 KiB)", path);
        goto done;
    }
    result = take_value(ctx, path, text, used, value, err);
done:
    explicit_bzero(text, used);
    close(descriptor);
    return result;
}

static int load_environment(TALLOC_CTX *ctx, const char *name, char **value, struct error *err)
{
    const char *text = getenv(name);
    char source[300];
    snprintf(source, sizeof source, "the environment variable %.200s", name);
    if (!text)
        return error_set(err, "%s is not set; set it where the daemon is started", source);
    return take_value(ctx, source, text, strlen(text), value, err);
}

static int load_credential(TALLOC_CTX *ctx, const char *name, char **value, struct error *err)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    if (!directory)
        return error_set(
            err, "there are no systemd credentials; add LoadCredential=%s:PATH to the unit, or give a file",
            name);
    char *path = talloc_asprintf(ctx, "%s/%s", directory, name);
    // systemd keeps others out by the folder and by access lists, which show up as group bits.
    int result = path ? load_file(ctx, path, NULL, value, err) : error_set(err, "no memory");
    talloc_free(path);
    return result;
}

static int load_secret(TALLOC_CTX *ctx, struct config_secret *secret, const struct identity *identity,
                       struct error *err)
{
    if (secret->file)
        return load_file(ctx, secret->file, identity, &secret->value, err);
    if (secret->environment)
        return load_environment(ctx, secret->environment, &secret->value, err);
    if (secret->credential)
        return load_credential(ctx, secret->credential, &secret->value, err);
    return 0;
}

static int load_group(const struct option_section *section, TALLOC_CTX *ctx, void *base, const char *name,
                      const struct identity *identity, struct error *err)
{
    for (const struct option *option = section->options; option->name; option++)
        if (option->type == OPTION_SECRET &&
            load_secret(ctx, at_offset(base, option->offset), identity, err) < 0)
            return error_prepend(err, "%s \"%s\": %s: ", section->name, name, option->name);
    return 0;
}

int config_load_secrets(struct config *config, struct error *err)
{
    struct identity identity = identity_of(config);
    for (const struct option_section *section = option_sections; section->name; section++) {
        if (!section->list)
            continue;
        char *elements = *(char **)at_offset(config, section->offset);
        size_t count = *(size_t *)at_offset(config, section->count_offset);
        for (size_t i = 0; i < count; i++) {
            void *element = elements + i * section->size;
            const char *name = *(char *const *)element; // the first field of all that have secrets
            if (load_group(section, elements, element, name ? name : "?", &identity, err) < 0)
                return -1;
        }
    }
    return 0;
}

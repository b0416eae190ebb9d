// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include "keytab.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "directory/session.h"

#define KEYTAB_MOST (1024 * 1024)
#define KEYTAB_COPY "/dev/shm/ldapnotify-XXXXXX"

struct cursor {
    const uint8_t *at;
    size_t left;
};

static bool take_number(struct cursor *cursor, size_t octets, uint32_t *number)
{
    if (cursor->left < octets)
        return false;
    *number = 0;
    for (size_t i = 0; i < octets; i++)
        *number = *number << 8 | cursor->at[i];
    cursor->at += octets;
    cursor->left -= octets;
    return true;
}

static bool take_text(TALLOC_CTX *ctx, struct cursor *cursor, char **text)
{
    uint32_t length = 0;
    if (!take_number(cursor, 2, &length) || cursor->left < length)
        return false;
    *text = talloc_strndup(ctx, (const char *)cursor->at, length);
    cursor->at += length;
    cursor->left -= length;
    return *text != NULL;
}

// What MIT documents as the keytab file format, version 2:
//   record = uint16 components, data realm, data component…, uint32 name_type, uint32 timestamp, uint8 vno, …
//   data   = uint16 length, octets
static bool record_is_of(struct cursor record, const char *principal, bool *malformed)
{
    char *realm = NULL, *part = NULL, *name = talloc_strdup(NULL, "");
    uint32_t count = 0;
    bool same = false;
    *malformed = name == NULL || !take_number(&record, 2, &count) || !take_text(name, &record, &realm);
    for (uint32_t i = 0; !*malformed && i < count; i++) {
        *malformed = !take_text(NULL, &record, &part);
        if (!*malformed)
            name = talloc_asprintf_append_buffer(name, "%s%s", i > 0 ? "/" : "", part);
        TALLOC_FREE(part);
    }
    if (!*malformed && strchr(principal, '@') != NULL)
        name = talloc_asprintf_append_buffer(name, "@%s", realm);
    if (!*malformed)
        same = name != NULL && strcmp(name, principal) == 0;
    talloc_free(name);
    return same;
}

uint8_t *keytab_select(TALLOC_CTX *ctx, const uint8_t *data, size_t *size, const char *principal)
{
    struct cursor cursor = { data, *size };
    uint32_t number = 0;
    errno = EBADMSG;
    if (!take_number(&cursor, 2, &number) || number != 0x0502)
        return NULL;
    uint8_t *chosen = talloc_memdup(ctx, data, *size);
    if (chosen == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    size_t used = 2;
    bool malformed = false;
    // A negative size is a hole; zero is the end.
    while (!malformed && take_number(&cursor, 4, &number) && number != 0) {
        bool hole = number > INT32_MAX;
        size_t length = hole ? (size_t)(UINT32_MAX - number) + 1 : number;
        if (length > cursor.left) {
            malformed = true;
            break;
        }
        if (!hole && record_is_of((struct cursor){ cursor.at, length }, principal, &malformed)) {
            memcpy(chosen + used, cursor.at - 4, length + 4);
            used += length + 4;
        }
        cursor.at += length;
        cursor.left -= length;
    }
    if (malformed || used == 2) {
        talloc_free(chosen);
        errno = malformed ? EBADMSG : 0;
        return NULL;
    }
    *size = used;
    return chosen;
}

static uint8_t *read_file(TALLOC_CTX *ctx, const char *path, size_t *size)
{
    uint8_t *data = talloc_size(ctx, KEYTAB_MOST);
    int fd = data != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    *size = 0;
    for (ssize_t got = 1; fd >= 0 && got != 0 && *size < KEYTAB_MOST;) {
        got = read(fd, data + *size, KEYTAB_MOST - *size);
        if (got < 0 && errno != EINTR) {
            int saved = errno;
            close(fd);
            errno = saved;
            return NULL;
        }
        if (got > 0)
            *size += (size_t)got;
    }
    if (fd < 0)
        return NULL;
    close(fd);
    return data;
}

static char *write_copy(TALLOC_CTX *ctx, const uint8_t *data, size_t size)
{
    char *path = talloc_strdup(ctx, KEYTAB_COPY);
    int fd = path != NULL ? mkostemp(path, O_CLOEXEC) : -1;
    if (fd < 0)
        return NULL;
    ssize_t written = write(fd, data, size);
    int saved = written < 0 ? errno : ENOSPC;
    close(fd);
    if (written == (ssize_t)size)
        return path;
    unlink(path);
    errno = saved;
    return NULL;
}

char *keytab_copy(TALLOC_CTX *ctx, const char *path, const char *principal, struct error *err)
{
    size_t size = 0;
    char *copy = NULL;
    TALLOC_CTX *work = talloc_new(NULL);
    uint8_t *chosen = NULL, *data = read_file(work, path, &size);
    if (data == NULL) {
        error_set_code(err, SESSION_FAILED,
                       "keytab: cannot read %s: %s; check that it exists and that the daemon's user may "
                       "read it",
                       path, strerror(errno));
        goto done;
    }
    chosen = keytab_select(work, data, &size, principal);
    if (chosen == NULL) {
        error_set_code(err, SESSION_FAILED,
                       errno == 0 ? "keytab: %s has no key of the principal \"%s\"; see what it has "
                                    "with klist -k"
                                  : "keytab: %s is no whole key table, so \"%s\" cannot be found "
                                    "in it; make it anew",
                       path, principal);
        goto done;
    }
    copy = write_copy(ctx, chosen, size);
    if (copy == NULL)
        error_set_code(err, SESSION_FAILED,
                       "keytab: cannot write a copy with the keys of \"%s\" only, %s: %s", principal,
                       KEYTAB_COPY, strerror(errno));
done:
    talloc_free(work);
    return copy;
}

// SPDX-License-Identifier: Apache-2.0
#include "config_fixture.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATHS 8

static void give_up(const char *what, const char *path)
{
    fprintf(stderr, "%s %s: ", what, path);
    perror(NULL);
    abort();
}

void fixture_begin(struct fixture *fixture)
{
    const char *below = getenv("TMPDIR");
    snprintf(fixture->path, sizeof fixture->path, "%.80s/ldapnotify-XXXXXX", below ? below : "/tmp");
    if (!mkdtemp(fixture->path))
        give_up("making", fixture->path);
}

static int take_away(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

void fixture_end(struct fixture *fixture)
{
    nftw(fixture->path, take_away, 16, FTW_DEPTH | FTW_PHYS);
}

const char *fixture_write(const struct fixture *fixture, const char *name, const char *text, size_t length)
{
    static char paths[PATHS][512];
    static unsigned next;
    char *path = paths[next++ % PATHS];
    snprintf(path, sizeof paths[0], "%s/%s", fixture->path, name);
    for (char *slash = path + strlen(fixture->path) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    if (!file || fwrite(text, 1, length, file) != length || fclose(file) != 0)
        give_up("writing", path);
    return path;
}

const char *fixture_text(const struct fixture *fixture, const char *name, const char *text)
{
    return fixture_write(fixture, name, text, strlen(text));
}

char *fixture_source(const char *name)
{
    char path[1024];
    const char *top = getenv("top_srcdir");
    snprintf(path, sizeof path, "%s/%s", top ? top : ".", name);
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t size = 0;
    if (!file || getdelim(&text, &size, '\0', file) < 0)
        give_up("reading", path);
    fclose(file);
    return text;
}

// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

// For developers, never installed: writes what the tree keeps of the option table.
//   describe sample > etc/ldapnotify.conf
//   describe manual < doc/ldapnotify.conf.5 > new      replaces what stands between its two markers

static void write_page(FILE *in, FILE *out)
{
    char *line = NULL;
    size_t size = 0;
    bool inside = false;
    while (getline(&line, &size, in) >= 0) {
        if (strstr(line, "end of the option table"))
            inside = false;
        if (!inside)
            fputs(line, out);
        if (strstr(line, "begin of the option table")) {
            inside = true;
            config_write_manual(out);
        }
    }
    free(line);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "sample") == 0)
        config_write_sample(stdout);
    else if (argc == 2 && strcmp(argv[1], "manual") == 0)
        write_page(stdin, stdout);
    else
        return fprintf(stderr, "usage: describe sample | manual\n"), 2;
    return fflush(stdout) == 0 ? 0 : 1;
}

// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/config.h"

// Any text as a configuration file. One that is taken gives slices that are taken too and give themselves again.
// Links $(CONFIG_LIBS) $(BASE_LIBS).

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

// libconfig 1.5 loses the string buffer of its scanner at every syntax error.
const char *__lsan_default_suppressions(void)
{
    return "leak:libconfig.so\n";
}

static void check_slice(const struct config *config, enum config_slice kind, const char *name)
{
    struct error err;
    char *text = config_slice(NULL, config, kind, name);
    struct config *read = text ? config_read_slice(text, text, &err) : NULL;
    char *again = read ? config_slice(text, read, kind, name) : NULL;
    if (!again || strcmp(text, again) != 0) {
        fprintf(stderr, "%s\n--- %s\n--- again\n%s\n", read ? "" : err.text, text, again ? again : "");
        abort();
    }
    talloc_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int descriptor = memfd_create("config", MFD_CLOEXEC);
    if (descriptor < 0 || write(descriptor, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    struct error err;
    struct config *config = config_read(NULL, path, NULL, NULL, NULL, &err);
    close(descriptor);
    for (size_t i = 0; config && i < config->directory_count; i++)
        check_slice(config, CONFIG_SLICE_WATCH, config->directories[i].name);
    if (config) {
        check_slice(config, CONFIG_SLICE_DELIVER, NULL);
        check_slice(config, CONFIG_SLICE_CONTROL, NULL);
    }
    talloc_free(config);

    char *text = talloc_strndup(NULL, (const char *)data, size);
    talloc_free(config_read_slice(text, text, &err));
    talloc_free(text);
    return 0;
}

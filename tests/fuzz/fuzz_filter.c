// SPDX-License-Identifier: Apache-2.0
// Links $(DIRECTORY_LIBS) $(BASE_LIBS) $(DIRECTORY_SYS).
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "directory/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void touch(void *context, const char *name)
{
    *(size_t *)context += strlen(name);
}

static struct entry *sample(void)
{
    static struct entry *entry;
    if (entry != NULL)
        return entry;
    entry = entry_new(NULL, NULL, "cn=a+uid=b,ou=\\2c,dc=x");
    entry_add_text(entry, "objectClass", "inetOrgPerson");
    entry_add_text(entry, "cn", "a");
    entry_add_text(entry, "cn", "Jane  D\xc3\xb6" "e");
    entry_add_text(entry, "uid", "jane");
    entry_add_text(entry, "uidNumber", "1000");
    entry_add_text(entry, "userAccountControl", "514");
    entry_add_text(entry, "pwdChangedTime", "20240102030405Z");
    entry_add_text(entry, "manager", "uid=b,dc=x");
    entry_add_text(entry, "pwdReset", "TRUE");
    entry_add(entry, "objectGUID", "\0\1\2", 3);
    entry_add(entry, "sn", "", 0);
    return entry;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    struct error err = { .text = "" };
    struct filter *filter = filter_parse(NULL, text, &err);
    if (filter != NULL) {
        size_t total = 0;
        filter_attributes(filter, touch, &total);
        bool match = filter_matches(filter, sample());
        if (match != (filter_evaluate(filter, sample()) == FILTER_TRUE))
            abort();
        // NOT swaps True and False and leaves Undefined.
        char *inverse = talloc_asprintf(filter, "(!%s)", text);
        struct filter *not = filter_parse(filter, inverse, &err);
        if (not != NULL && match && filter_evaluate(not, sample()) != FILTER_FALSE)
            abort();
    } else if (err.text[0] == '\0') {
        abort();
    }
    talloc_free(filter);
    free(text);
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
// Links: $(EVENT_LIBS) $(DIRECTORY_LIBS) $(CONFIG_LIBS) $(BASE_LIBS) $(DIRECTORY_SYS) $(JANSSON_LIBS)
#include <stdlib.h>

#include "event/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// What was read writes a form that reads back to the very same form.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *json = json_loadb((const char *)data, size, JSON_ALLOW_NUL, NULL);
    if (!json)
        return 0;
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct error err;
    struct directory_event *event = event_from_json(ctx, json, &err);
    if (event) {
        json_t *once = event_to_json(event);
        struct directory_event *again = event_from_json(ctx, once, &err);
        json_t *twice = again ? event_to_json(again) : NULL;
        if (!twice || !json_equal(once, twice))
            abort();
        json_decref(once);
        json_decref(twice);
    }
    talloc_free(ctx);
    json_decref(json);
    return 0;
}

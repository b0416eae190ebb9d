// SPDX-License-Identifier: Apache-2.0
#include "api_store.h"

#include <string.h>

#include "base/text.h"

struct opened {
    struct directory_store *directory;
    struct delivery_store *delivery;
};

static int opened_close(struct opened *opened)
{
    if (opened->directory)
        directory_store_close(opened->directory);
    if (opened->delivery)
        delivery_store_close(opened->delivery);
    return 0;
}

static struct opened *opened_new(TALLOC_CTX *ctx)
{
    struct opened *opened = talloc_zero(ctx, struct opened);
    talloc_set_destructor(opened, opened_close);
    return opened;
}

int api_open_directory(const struct config *config, TALLOC_CTX *ctx, const char *name, struct directory_store **store,
                       struct error *err)
{
    *store = NULL;
    if (!config_directory_find(config, name))
        return error_set_code(err, 404, "there is no directory \"%s\" in the configuration", name);
    struct opened *opened = opened_new(ctx);
    char *path = talloc_asprintf(opened, "%s/%s.db", config->state_dir, name);
    if (directory_store_open(NULL, path, name, STORE_READ, &opened->directory, err) < 0) {
        opened->directory = NULL;
        return err->code == STORE_ABSENT ? 0 : -1;
    }
    *store = opened->directory;
    return 0;
}

int api_open_delivery(const struct config *config, TALLOC_CTX *ctx, struct delivery_store **store, struct error *err)
{
    *store = NULL;
    struct opened *opened = opened_new(ctx);
    char *path = talloc_asprintf(opened, "%s/delivery.db", config->state_dir);
    if (delivery_store_open(NULL, path, STORE_READ, &opened->delivery, err) < 0) {
        opened->delivery = NULL;
        return err->code == STORE_ABSENT ? 0 : -1;
    }
    *store = opened->delivery;
    return 0;
}

json_t *api_text(const char *text)
{
    if (!text)
        return json_null();
    json_t *value = json_string(text); // NULL on bad UTF-8
    if (value)
        return value;
    char *clean = text_clean(NULL, text, strlen(text), 0);
    value = json_string(clean);
    talloc_free(clean);
    return value ? value : json_null();
}

json_t *api_message_json(const struct message *message)
{
    json_t *json = json_object();
    json_object_set_new(json, "id", json_integer(message->id));
    json_object_set_new(json, "state", json_string(message_state_name(message->state)));
    json_object_set_new(json, "directory", api_text(message->directory));
    json_object_set_new(json, "transport", api_text(message->transport));
    json_object_set_new(json, "recipient", api_text(message->recipient));
    json_object_set_new(json, "recipient_name", api_text(message->recipient_name));
    json_object_set_new(json, "intended", api_text(message->intended));
    json_object_set_new(json, "message_id", api_text(message->message_id));
    json_object_set_new(json, "subject", api_text(message->subject));
    json_object_set_new(json, "created", json_integer(message->created));
    json_object_set_new(json, "expires", json_integer(message->expires));
    json_object_set_new(json, "next_attempt", json_integer(message->next_attempt));
    json_object_set_new(json, "finished", json_integer(message->finished));
    json_object_set_new(json, "attempts", json_integer(message->attempts));
    json_object_set_new(json, "code", json_integer(message->code));
    json_object_set_new(json, "reply", api_text(message->reply));
    json_object_set_new(json, "host", api_text(message->host));
    return json;
}

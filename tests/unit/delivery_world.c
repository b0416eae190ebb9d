// SPDX-License-Identifier: Apache-2.0
#include "delivery_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MUST(call) \
    do { \
        struct error err; \
        if ((call) < 0) \
            fail_msg("%s: %s", #call, err.text); \
    } while (0)

const struct telling telling_member_added = {
    .type = EVENT_GROUP_MEMBER_ADDED,
    .group = 10,
    .member = 1,
    .recipient = 1,
    .roles = "member",
    .courtesy = true,
    .transport = "relay",
};

struct uuid world_uuid(int number)
{
    return (struct uuid){ .octets = { 0x11, 0x22, [14] = (uint8_t)(number >> 8), [15] = (uint8_t)number } };
}

static char *dn_of(TALLOC_CTX *ctx, int number)
{
    return talloc_asprintf(ctx, "cn=number%d,dc=example,dc=com", number);
}

void world_user(struct world *world, int number, const char *mail, bool disabled)
{
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct uuid uuid = world_uuid(number);
    struct entry *entry = entry_new(ctx, &uuid, dn_of(ctx, number));
    struct delta *delta;
    entry_add_text(entry, "objectClass", "inetOrgPerson");
    entry_add_text(entry, "cn", talloc_asprintf(ctx, "Number %d", number));
    if (mail)
        entry_add_text(entry, "mail", mail);
    if (disabled)
        entry_add_text(entry, "employeeType", "gone");
    MUST(directory_store_begin(world->directory_store, &err));
    MUST(directory_store_apply(world->directory_store, ctx, entry, &delta, NULL, &err));
    MUST(directory_store_commit(world->directory_store, NULL, &err));
    talloc_free(ctx);
}

void world_delete_user(struct world *world, int number)
{
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct uuid uuid = world_uuid(number);
    struct delta *delta;
    MUST(directory_store_begin(world->directory_store, &err));
    MUST(directory_store_delete(world->directory_store, ctx, &uuid, &delta, &err));
    MUST(directory_store_commit(world->directory_store, NULL, &err));
    talloc_free(ctx);
}

static struct party party_of(TALLOC_CTX *ctx, int number)
{
    return (struct party){ .uuid = world_uuid(number),
                           .dn = dn_of(ctx, number),
                           .name = talloc_asprintf(ctx, "Number %d", number) };
}

int64_t world_tell(struct world *world, struct telling telling)
{
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct event_list list = { 0 };
    struct directory_event *event = event_list_add(&list, ctx, telling.type);
    event->directory = "corp";
    event->time = WORLD_NOW;
    event->entry = party_of(ctx, telling.group);
    event->entry.is_group = strcmp(event_kind(telling.type)->object, "group") == 0;
    if (event_kind(telling.type)->party) {
        event->party = party_of(ctx, telling.member);
        event->attribute = "member";
    }
    struct notification notification = {
        .roles = telling.roles,
        .courtesy = telling.courtesy,
        .rule = "rule-1",
        .transport = telling.transport,
        .digest_wait = telling.digest_wait,
        .expires = telling.expires,
        .recipient = { .address = telling.address ? telling.address : "old@example.com", .name = "Old Name" },
    };
    if (telling.recipient) {
        notification.recipient.uuid = world_uuid(telling.recipient);
        notification.recipient.dn = dn_of(ctx, telling.recipient);
    }
    MUST(directory_store_begin(world->directory_store, &err));
    MUST(directory_store_put_event(world->directory_store, event, &err));
    notification.event_sequence = event->sequence;
    MUST(directory_store_put_notifications(world->directory_store, event->sequence, &notification, 1, &err));
    MUST(directory_store_commit(world->directory_store, NULL, &err));
    int64_t sequence = event->sequence;
    talloc_free(ctx);
    return sequence;
}

struct delivery_row world_outcome(struct world *world, TALLOC_CTX *ctx, int64_t event)
{
    struct delivery_row *rows;
    size_t count;
    MUST(delivery_store_of_event(world->store, ctx, "corp", event, &rows, &count, &err));
    if (count != 1)
        fail_msg("event %lld has %zu notifications", (long long)event, count);
    return rows[0];
}

size_t world_messages(struct world *world, TALLOC_CTX *ctx, struct message **messages)
{
    const struct message_query query = { .state = -1, .bytes = true, .limit = 1000 };
    size_t count;
    MUST(delivery_store_messages(world->store, ctx, &query, messages, &count, &err));
    return count;
}

size_t world_trial_files(const struct world *world)
{
    char path[128];
    snprintf(path, sizeof path, "%s/trial/new", world->state_dir);
    DIR *list = opendir(path);
    size_t count = 0;
    if (!list)
        return 0;
    for (struct dirent *entry; (entry = readdir(list));)
        count += entry->d_name[0] != '.';
    closedir(list);
    return count;
}

void world_reopen_queue(struct world *world)
{
    struct error err;
    talloc_free(world->queue);
    world->queue = queue_open(world, &world->config, world->store, &err);
    if (!world->queue)
        fail_msg("%s", err.text);
}

static void world_configure(struct world *world)
{
    const char *source = getenv("top_srcdir");
    static char *mail_attributes[] = { (char *)"mail", NULL };
    world->directory = (struct config_directory){
        .name = (char *)"corp",
        .base = (char *)"dc=example,dc=com",
        .flavour = (char *)"openldap",
        .disabled_when = (char *)"(employeeType=gone)",
        .mail_attributes = { .items = mail_attributes, .count = 1 },
        .digest_wait = -1,
        .max_event_age = -1,
    };
    world->transports[0] = (struct config_transport){ .name = (char *)"relay",
                                                      .hosts = (char *)"127.0.0.1:9",
                                                      .connections = 2,
                                                      .connect_timeout = 2000,
                                                      .send_timeout = 2000,
                                                      .retry_first = 60000,
                                                      .retry_most = 3600000,
                                                      .lifetime = 86400000,
                                                      .digest_wait = -1 };
    world->transports[1] = world->transports[0];
    world->transports[1].name = (char *)"other";
    world->config = (struct config){
        .live = true,
        .state_dir = world->state_dir,
        .template_dir = talloc_asprintf(world, "%s/etc/templates", source ? source : "."),
        .mail = { .from = (char *)"notify@example.com",
                  .from_name = (char *)"Notifier",
                  .language = (char *)"en" },
        .transports = world->transports,
        .transport_count = 2,
        .directories = &world->directory,
        .directory_count = 1,
    };
}

struct world *world_open(void)
{
    struct world *world = talloc_zero(NULL, struct world);
    snprintf(world->state_dir, sizeof world->state_dir, "/tmp/ldapnotify-queue-XXXXXX");
    if (!mkdtemp(world->state_dir))
        abort();
    world_configure(world);
    char *path = talloc_asprintf(world, "%s/corp.db", world->state_dir);
    MUST(directory_store_open(world, path, "corp", STORE_WRITE, &world->directory_store, &err));
    struct error why;
    world->flavour = flavour_new(world, "openldap", &world->directory, &why);
    if (!world->flavour)
        fail_msg("%s", why.text);
    directory_store_flavour(world->directory_store, world->flavour);
    path = talloc_asprintf(world, "%s/delivery.db", world->state_dir);
    MUST(delivery_store_open(world, path, STORE_WRITE, &world->store, &err));
    world_reopen_queue(world);
    return world;
}

void world_close(struct world *world)
{
    char command[160];
    TALLOC_FREE(world->queue);
    delivery_store_close(world->store);
    directory_store_close(world->directory_store);
    snprintf(command, sizeof command, "rm -r '%s'", world->state_dir);
    if (system(command) != 0)
        abort();
    talloc_free(world);
}

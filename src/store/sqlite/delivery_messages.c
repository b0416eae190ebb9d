// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"
#include "delivery.h"

// Frozen messages on their way: frozen, claimed, recorded.

void delivery_message_read(TALLOC_CTX *ctx, sqlite3_stmt *row, int first, struct message *message)
{
    const char **texts[] = { &message->directory,      &message->transport, &message->recipient,
                             &message->recipient_name, &message->intended,  &message->envelope_from,
                             &message->message_id,     &message->subject };
    int64_t *numbers[] = { &message->created,     &message->expires,  &message->next_attempt,
                           &message->lease_until, &message->finished, &message->attempts,
                           &message->code };
    message->id = sqlite3_column_int64(row, first);
    message->state = (enum message_state)sqlite3_column_int(row, first + 1);
    for (int i = 0; i < 8; i++)
        *texts[i] = column_text(ctx, row, first + 2 + i);
    for (int i = 0; i < 7; i++)
        *numbers[i] = sqlite3_column_int64(row, first + 10 + i);
    message->reply = column_text(ctx, row, first + 17);
    message->host = column_text(ctx, row, first + 18);
}

void delivery_message_bytes(TALLOC_CTX *ctx, sqlite3_stmt *row, int index, struct message *message)
{
    const void *bytes = sqlite3_column_blob(row, index);
    message->length = (size_t)sqlite3_column_bytes(row, index);
    message->bytes = bytes ? talloc_memdup(ctx, bytes, message->length) : NULL;
}

// --- freezing ------------------------------------------------------------------------------------

static int message_insert(struct delivery_store *store, struct message *message, struct error *err)
{
    sqlite3_stmt *write =
        database_query(store->db,
                       "INSERT INTO message (state, created, lifetime, expires, next_attempt, lease_until, "
                       "finished, attempts, code, directory, transport, recipient, recipient_name, intended, "
                       "envelope_from, message_id, subject, reply, host) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, "
                       "?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
                       err);
    if (!write)
        return -1;
    const int64_t numbers[] = {
        message->state,    message->created,      message->expires ? message->expires - message->created : 0,
        message->expires,  message->next_attempt, message->lease_until,
        message->finished, message->attempts,     message->code
    };
    const char *const texts[] = { message->directory ? message->directory : "",
                                  message->transport ? message->transport : "",
                                  message->recipient ? message->recipient : "",
                                  message->recipient_name,
                                  message->intended,
                                  message->envelope_from,
                                  message->message_id ? message->message_id : "",
                                  message->subject,
                                  message->reply,
                                  message->host };
    for (int i = 0; i < 9; i++)
        bind_int(write, i + 1, numbers[i]);
    for (int i = 0; i < 10; i++)
        bind_text(write, i + 10, texts[i]);
    if (database_run(store->db, write, err) < 0)
        return -1;
    message->id = sqlite3_last_insert_rowid(store->db->handle);
    return 0;
}

static int body_insert(struct delivery_store *store, const struct message *message, struct error *err)
{
    sqlite3_stmt *write = database_query(store->db, "INSERT INTO body (message, bytes) VALUES (?1, ?2)", err);
    if (!write)
        return -1;
    bind_int(write, 1, message->id);
    bind_blob(write, 2, message->bytes ? (const void *)message->bytes : "", message->length);
    return database_run(store->db, write, err);
}

int delivery_store_freeze(struct delivery_store *store, struct message *message, const struct waiting *bundle,
                          size_t count, struct error *err)
{
    if (message_insert(store, message, err) < 0 || body_insert(store, message, err) < 0)
        return -1;
    int64_t now = clock_now();
    for (size_t i = 0; i < count; i++) {
        sqlite3_stmt *write = database_query(store->db,
                                             "UPDATE notification SET state = 1, message = ?2, changed = ?3 "
                                             "WHERE id = ?1 AND state = 0",
                                             err);
        if (!write)
            return -1;
        bind_int(write, 1, bundle[i].id);
        bind_int(write, 2, message->id);
        bind_int(write, 3, now);
        if (database_run(store->db, write, err) < 0)
            return -1;
        if (database_changes(store->db) != 1)
            return error_set_code(err, STORE_CONFLICT,
                                  "notification %lld no longer waits: it is in a message already, or dropped",
                                  (long long)bundle[i].id);
    }
    return 0;
}

// --- claiming ------------------------------------------------------------------------------------

static int claim_collect(struct delivery_store *store, TALLOC_CTX *ctx, sqlite3_stmt *row,
                         struct message **messages, size_t *count, struct error *err)
{
    int result;
    while ((result = database_step(store->db, row, err)) > 0) {
        if (!*messages || talloc_array_length(*messages) == *count)
            *messages = talloc_realloc(ctx, *messages, struct message, *count * 2 + 16);
        struct message *message = &(*messages)[(*count)++];
        *message = (struct message){ 0 };
        delivery_message_read(*messages, row, 0, message);
        delivery_message_bytes(*messages, row, MESSAGE_COLUMN_COUNT, message);
    }
    return result;
}

// An "added" never leaves after its "removed": a message waits while an older one that tells the opposite of
// the same thing to the same recipient is queued, leased or held.
#define CLAIM_IN_ORDER \
    "AND NOT EXISTS (SELECT 1 FROM notification n JOIN event ne ON ne.directory = n.directory AND " \
    "ne.sequence = n.event " \
    "JOIN notification o INDEXED BY notification_told ON o.pair = n.pair AND o.state = 1 AND " \
    "o.message < m.id " \
    "JOIN event oe ON oe.directory = o.directory AND oe.sequence = o.event AND oe.type <> ne.type " \
    "JOIN message om ON om.id = o.message AND om.state IN (0, 1, 4) WHERE n.message = m.id) "

static sqlite3_stmt *claim_expired(struct delivery_store *store, struct error *err)
{
    return database_query(
        store->db,
        "SELECT " MESSAGE_COLUMNS ", b.bytes FROM message m JOIN body b ON b.message = m.id "
        "WHERE m.state = 1 AND m.lease_until <= ?2 AND (?1 IS NULL OR m.transport = ?1) ORDER BY "
        "m.id LIMIT ?3",
        err);
}

static sqlite3_stmt *claim_due(struct delivery_store *store, const char *transport, struct error *err)
{
    if (!transport)
        return database_query(store->db,
                              "SELECT " MESSAGE_COLUMNS
                              ", b.bytes FROM message m JOIN body b ON b.message = m.id "
                              "WHERE m.state = 0 AND m.next_attempt <= ?2 " CLAIM_IN_ORDER
                              "ORDER BY m.next_attempt, m.id LIMIT ?3",
                              err);
    return database_query(
        store->db,
        "SELECT " MESSAGE_COLUMNS ", b.bytes FROM message m INDEXED BY message_due "
        "JOIN body b ON b.message = m.id WHERE m.state = 0 AND m.transport = ?1 AND m.next_attempt "
        "<= ?2 " CLAIM_IN_ORDER
        "ORDER BY m.next_attempt, m.created, m.id LIMIT ?3",
        err);
}

static int claim_select(struct delivery_store *store, TALLOC_CTX *ctx, const char *transport, int64_t now,
                        size_t limit, struct message **messages, size_t *count, struct error *err)
{
    for (int expired = 1; expired >= 0 && *count < limit; expired--) {
        sqlite3_stmt *row = expired ? claim_expired(store, err) : claim_due(store, transport, err);
        if (!row)
            return -1;
        if (transport)
            bind_text(row, 1, transport);
        bind_int(row, 2, now);
        bind_int(row, 3, (int64_t)(limit - *count));
        if (claim_collect(store, ctx, row, messages, count, err) < 0)
            return -1;
    }
    return 0;
}

static int claim_mark(struct delivery_store *store, struct message *message, int64_t lease_until,
                      struct error *err)
{
    sqlite3_stmt *write =
        database_query(store->db, "UPDATE message SET state = 1, lease_until = ?2 WHERE id = ?1", err);
    if (!write)
        return -1;
    bind_int(write, 1, message->id);
    bind_int(write, 2, lease_until);
    message->state = MESSAGE_LEASED;
    message->lease_until = lease_until;
    return database_run(store->db, write, err);
}

int delivery_store_claim(struct delivery_store *store, TALLOC_CTX *ctx, const char *transport, int64_t now,
                         int64_t lease_until, size_t limit, struct message **messages, size_t *count,
                         struct error *err)
{
    bool own;
    *messages = NULL;
    *count = 0;
    if (delivery_enter(store, &own, err) < 0)
        return -1;
    int result = claim_select(store, ctx, transport, now, limit, messages, count, err);
    for (size_t i = 0; i < *count && result == 0; i++)
        result = claim_mark(store, &(*messages)[i], lease_until, err);
    result = delivery_leave(store, own, result, err);
    if (result < 0) {
        TALLOC_FREE(*messages);
        *count = 0;
    }
    return result;
}

int delivery_store_next_attempt(struct delivery_store *store, const char *transport, int64_t *when,
                                struct error *err)
{
    sqlite3_stmt *read =
        transport
            ? database_query(
                  store->db,
                  "SELECT next_attempt FROM message INDEXED BY message_due WHERE state = 0 AND "
                  "transport = ?1 "
                  "ORDER BY next_attempt LIMIT 1",
                  err)
            : database_query(
                  store->db,
                  "SELECT coalesce(min(next_attempt), 0) FROM message INDEXED BY message_due WHERE state = 0",
                  err);
    if (!read)
        return -1;
    if (transport)
        bind_text(read, 1, transport);
    return database_number(store->db, read, when, err);
}

// --- results -------------------------------------------------------------------------------------

// Only of what is leased: whoever lost the lease has nothing more to say.
static int record_one(struct delivery_store *store, const struct message *message, struct error *err)
{
    sqlite3_stmt *write =
        database_query(store->db,
                       "UPDATE message SET state = ?2, attempts = ?3, next_attempt = ?4, code = ?5, "
                       "reply = ?6, host = ?7, finished = ?8, lease_until = 0 WHERE id = ?1 AND state = 1",
                       err);
    if (!write)
        return -1;
    bind_int(write, 1, message->id);
    bind_int(write, 2, message->state);
    bind_int(write, 3, message->attempts);
    bind_int(write, 4, message->next_attempt);
    bind_int(write, 5, message->code);
    bind_text(write, 6, message->reply);
    bind_text(write, 7, message->host);
    bind_int(write, 8, message->finished);
    return database_run(store->db, write, err);
}

int delivery_store_record(struct delivery_store *store, const struct message *messages, size_t count,
                          struct error *err)
{
    bool own;
    if (delivery_enter(store, &own, err) < 0)
        return -1;
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++)
        result = record_one(store, &messages[i], err);
    return delivery_leave(store, own, result, err);
}

int delivery_store_recover(struct delivery_store *store, struct error *err)
{
    return database_execute(store->db, "UPDATE message SET state = 0, lease_until = 0 WHERE state = 1", err);
}

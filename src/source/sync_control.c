// SPDX-License-Identifier: Apache-2.0
#include "sync_control.h"

#include <string.h>

// RFC 4511 §5.1: definite lengths only, and every tag met here fits in one octet.
enum {
    TAG_BOOLEAN = 0x01,
    TAG_OCTET_STRING = 0x04,
    TAG_ENUMERATED = 0x0a,
    TAG_SEQUENCE = 0x30,
    TAG_SET = 0x31,
    TAG_NEW_COOKIE = 0x80,
    TAG_REFRESH_DELETE = 0xa1,
    TAG_REFRESH_PRESENT = 0xa2,
    TAG_ID_SET = 0xa3,
};

#define UUID_LENGTH sizeof(((struct uuid *)NULL)->octets)

// What is left to read.
struct reader {
    const uint8_t *at;
    size_t left;
};

static int reader_length(struct reader *reader, size_t *length)
{
    if (reader->left < 1)
        return -1;
    uint8_t first = *reader->at++;
    reader->left--;
    if (first < 0x80) {
        *length = first;
        return 0;
    }
    size_t octets = first & 0x7f;
    if (octets == 0 || octets > 4 || octets > reader->left)
        return -1;
    *length = 0;
    for (size_t i = 0; i < octets; i++)
        *length = *length << 8 | *reader->at++;
    reader->left -= octets;
    return 0;
}

// The next element's tag and contents; -1 when what is left is no element.
static int reader_next(struct reader *reader, unsigned *tag, struct reader *contents)
{
    struct reader ahead = *reader;
    size_t length;

    if (ahead.left < 2)
        return -1;
    *tag = *ahead.at++;
    ahead.left--;
    if (reader_length(&ahead, &length) < 0 || length > ahead.left)
        return -1;
    *contents = (struct reader){ .at = ahead.at, .left = length };
    reader->at = ahead.at + length;
    reader->left = ahead.left - length;
    return 0;
}

static int reader_expect(struct reader *reader, unsigned tag, struct reader *contents)
{
    unsigned found;
    return reader_next(reader, &found, contents) == 0 && found == tag ? 0 : -1;
}

static bool reader_sees(const struct reader *reader, unsigned tag)
{
    return reader->left > 0 && *reader->at == tag;
}

static struct sync_octets octets_from(const struct reader *contents)
{
    return (struct sync_octets){ .data = contents->at, .length = contents->left };
}

static int read_optional_cookie(struct reader *reader, struct sync_octets *cookie)
{
    struct reader contents;

    *cookie = (struct sync_octets){ .data = NULL };
    if (!reader_sees(reader, TAG_OCTET_STRING))
        return 0;
    if (reader_expect(reader, TAG_OCTET_STRING, &contents) < 0)
        return -1;
    *cookie = octets_from(&contents);
    return 0;
}

static int read_optional_boolean(struct reader *reader, bool fallback, bool *value)
{
    struct reader contents;

    *value = fallback;
    if (!reader_sees(reader, TAG_BOOLEAN))
        return 0;
    if (reader_expect(reader, TAG_BOOLEAN, &contents) < 0 || contents.left != 1)
        return -1;
    *value = *contents.at != 0;
    return 0;
}

static int read_uuid(struct reader *reader, struct uuid *uuid)
{
    struct reader contents;

    if (reader_expect(reader, TAG_OCTET_STRING, &contents) < 0 || contents.left != UUID_LENGTH)
        return -1;
    memcpy(uuid->octets, contents.at, UUID_LENGTH);
    return 0;
}

static int read_state(struct reader *reader, enum sync_state *state)
{
    struct reader contents;

    if (reader_expect(reader, TAG_ENUMERATED, &contents) < 0 || contents.left != 1 ||
        *contents.at > SYNC_STATE_RENAME)
        return -1;
    *state = (enum sync_state) * contents.at;
    return 0;
}

static size_t write_header(uint8_t *to, unsigned tag, size_t length)
{
    size_t at = 0;

    to[at++] = (uint8_t)tag;
    if (length < 0x80) {
        to[at++] = (uint8_t)length;
        return at;
    }
    to[at++] = 0x84;
    for (int shift = 24; shift >= 0; shift -= 8)
        to[at++] = (uint8_t)(length >> shift);
    return at;
}

static size_t write_octets(uint8_t *to, const void *octets, size_t length)
{
    memcpy(to, octets, length);
    return length;
}

// syncRequestValue ::= SEQUENCE {
//     mode ENUMERATED { refreshOnly (1), refreshAndPersist (3) },
//     cookie     syncCookie OPTIONAL,
//     reloadHint BOOLEAN DEFAULT FALSE }
//
// reloadHint stays FALSE: a server that cannot use the cookie shall say so, and not send everything.
void sync_request_encode(TALLOC_CTX *ctx, enum sync_mode mode, const char *cookie, uint8_t **data,
                         size_t *length)
{
    size_t cookie_length = cookie ? strlen(cookie) : 0;
    uint8_t cookie_header[6];
    size_t cookie_header_length = cookie ? write_header(cookie_header, TAG_OCTET_STRING, cookie_length) : 0;
    uint8_t *out = talloc_array(ctx, uint8_t, 6 + 3 + 6 + cookie_length);
    size_t at = write_header(out, TAG_SEQUENCE, 3 + cookie_header_length + cookie_length);

    at += write_header(out + at, TAG_ENUMERATED, 1);
    out[at++] = (uint8_t)mode;
    if (cookie) {
        at += write_octets(out + at, cookie_header, cookie_header_length);
        at += write_octets(out + at, cookie, cookie_length);
    }
    *data = out;
    *length = at;
}

// syncUUID ::= OCTET STRING (SIZE(16))
//
// syncStateValue ::= SEQUENCE {
//     state ENUMERATED { present (0), add (1), modify (2), delete (3) },
//     entryUUID syncUUID,
//     cookie    syncCookie OPTIONAL }
int sync_state_decode(const uint8_t *data, size_t length, struct sync_state_value *value, struct error *err)
{
    struct reader all = { .at = data, .left = length }, sequence;

    if (reader_expect(&all, TAG_SEQUENCE, &sequence) < 0 || read_state(&sequence, &value->state) < 0 ||
        read_uuid(&sequence, &value->uuid) < 0 || read_optional_cookie(&sequence, &value->cookie) < 0)
        return error_set(err, "the server sent a malformed Sync State control (RFC 4533 section 2.3)");
    return 0;
}

// syncDoneValue ::= SEQUENCE {
//     cookie          syncCookie OPTIONAL,
//     refreshDeletes  BOOLEAN DEFAULT FALSE }
int sync_done_decode(const uint8_t *data, size_t length, struct sync_done_value *value, struct error *err)
{
    struct reader all = { .at = data, .left = length }, sequence;

    if (reader_expect(&all, TAG_SEQUENCE, &sequence) < 0 ||
        read_optional_cookie(&sequence, &value->cookie) < 0 ||
        read_optional_boolean(&sequence, false, &value->refresh_deletes) < 0)
        return error_set(err, "the server sent a malformed Sync Done control (RFC 4533 section 2.4)");
    return 0;
}

static int read_uuid_set(struct reader *sequence, struct sync_info_value *value)
{
    struct reader set, rest;
    struct uuid uuid;

    if (reader_expect(sequence, TAG_SET, &set) < 0)
        return -1;
    value->uuids = octets_from(&set);
    for (rest = set; rest.left > 0; value->count++) {
        if (read_uuid(&rest, &uuid) < 0)
            return -1;
    }
    return 0;
}

static int read_info(struct reader *all, struct sync_info_value *value)
{
    struct reader contents;
    unsigned tag;

    if (reader_next(all, &tag, &contents) < 0)
        return -1;
    switch (tag) {
    case TAG_NEW_COOKIE:
        value->kind = SYNC_INFO_NEW_COOKIE;
        value->cookie = octets_from(&contents);
        return 0;
    case TAG_REFRESH_DELETE:
    case TAG_REFRESH_PRESENT:
        value->kind = tag == TAG_REFRESH_DELETE ? SYNC_INFO_REFRESH_DELETE : SYNC_INFO_REFRESH_PRESENT;
        if (read_optional_cookie(&contents, &value->cookie) < 0)
            return -1;
        return read_optional_boolean(&contents, true, &value->refresh_done);
    case TAG_ID_SET:
        value->kind = SYNC_INFO_ID_SET;
        if (read_optional_cookie(&contents, &value->cookie) < 0 ||
            read_optional_boolean(&contents, false, &value->refresh_deletes) < 0)
            return -1;
        return read_uuid_set(&contents, value);
    default:
        return -1;
    }
}

// syncInfoValue ::= CHOICE {
//     newcookie      [0] syncCookie,
//     refreshDelete  [1] SEQUENCE {
//         cookie         syncCookie OPTIONAL,
//         refreshDone    BOOLEAN DEFAULT TRUE },
//     refreshPresent [2] SEQUENCE {
//         cookie         syncCookie OPTIONAL,
//         refreshDone    BOOLEAN DEFAULT TRUE },
//     syncIdSet      [3] SEQUENCE {
//         cookie         syncCookie OPTIONAL,
//         refreshDeletes BOOLEAN DEFAULT FALSE,
//         syncUUIDs      SET OF syncUUID } }
int sync_info_decode(const uint8_t *data, size_t length, struct sync_info_value *value, struct error *err)
{
    struct reader all = { .at = data, .left = length };

    *value = (struct sync_info_value){ .count = 0 };
    if (read_info(&all, value) < 0)
        return error_set(err, "the server sent a malformed Sync Info message (RFC 4533 section 2.5)");
    return 0;
}

struct uuid *sync_info_uuids(TALLOC_CTX *ctx, const struct sync_info_value *info)
{
    struct reader rest = { .at = info->uuids.data, .left = info->uuids.length };
    struct uuid *uuids = talloc_array(ctx, struct uuid, info->count);

    for (size_t i = 0; i < info->count; i++) {
        if (read_uuid(&rest, &uuids[i]) < 0)
            break; // sync_info_decode() has read them all before
    }
    return uuids;
}

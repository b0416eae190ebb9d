// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <event2/event.h>

#include "sink_recorder.h"

static void note(struct sink_recorder *recorder, const char *format, ...) PRINTF_LIKE(2, 3);

static void note(struct sink_recorder *recorder, const char *format, ...)
{
    va_list arguments;

    if (recorder->quiet)
        return;
    va_start(arguments, format);
    recorder->text = talloc_vasprintf_append_buffer(recorder->text, format, arguments);
    va_end(arguments);
}

static int refuse(struct sink_recorder *recorder, struct error *err)
{
    if (recorder->fail_after > 0 && ++recorder->calls >= recorder->fail_after)
        return error_set(err, "the sink is full");
    return 0;
}

static void leave(struct sink_recorder *recorder)
{
    if (recorder->loop)
        event_base_loopbreak(recorder->loop);
}

static int record_begin(void *context, enum source_refresh kind, struct error *err)
{
    struct sink_recorder *recorder = context;
    note(recorder, "begin %s\n", kind == SOURCE_REFRESH_WHOLE ? "whole" : "changes");
    return refuse(recorder, err);
}

static int record_entry(void *context, struct entry *entry, struct error *err)
{
    struct sink_recorder *recorder = context;

    recorder->entries++;
    recorder->batch++;
    note(recorder, "entry %02x %s", entry->uuid.octets[15], entry->dn);
    for (size_t i = 0; i < entry->count; i++) {
        note(recorder, " %s=", entry->attributes[i].name);
        for (size_t j = 0; j < entry->attributes[i].count; j++)
            note(recorder, "%s%s", j > 0 ? ";" : "", entry->attributes[i].values[j].data);
    }
    note(recorder, "\n");
    if (recorder->entries % 2 == 0)
        talloc_free(talloc_steal(NULL, entry)); // a sink may keep it, or be done with it at once
    return refuse(recorder, err);
}

static void note_uuids(struct sink_recorder *recorder, const char *word, const struct uuid *uuids,
                       size_t count)
{
    note(recorder, "%s", word);
    for (size_t i = 0; i < count; i++)
        note(recorder, " %02x", uuids[i].octets[15]);
    note(recorder, "\n");
}

static int record_present(void *context, const struct uuid *uuids, size_t count, struct error *err)
{
    struct sink_recorder *recorder = context;
    recorder->presents += count;
    note_uuids(recorder, "present", uuids, count);
    return refuse(recorder, err);
}

static int record_gone(void *context, const struct uuid *uuids, size_t count, struct error *err)
{
    struct sink_recorder *recorder = context;
    recorder->gones += count;
    recorder->batch += count;
    note_uuids(recorder, "gone", uuids, count);
    return refuse(recorder, err);
}

static int record_end(void *context, enum source_sweep sweep, const char *cookie, const char *doubt,
                      struct error *err)
{
    struct sink_recorder *recorder = context;
    note(recorder, "end %s %s", sweep == SOURCE_SWEEP_UNMENTIONED ? "unmentioned" : "no", cookie);
    if (doubt)
        note(recorder, " (%s)", doubt);
    note(recorder, "\n");
    recorder->batch = 0;
    leave(recorder);
    return refuse(recorder, err);
}

static int record_checkpoint(void *context, const char *cookie, struct error *err)
{
    struct sink_recorder *recorder = context;
    note(recorder, "checkpoint %s\n", cookie);
    recorder->checkpoints++;
    if (recorder->batch > recorder->largest_batch)
        recorder->largest_batch = recorder->batch;
    recorder->batch = 0;
    leave(recorder);
    return refuse(recorder, err);
}

static void record_failed(void *context, enum source_failure failure, const struct error *err)
{
    static const char *const names[] = { "lost", "refused", "limit", "unsupported", "sink" };
    struct sink_recorder *recorder = context;
    recorder->failed = true;
    recorder->error = *err;
    note(recorder, "failed %s\n", names[failure]);
    leave(recorder);
}

struct sink_recorder *sink_recorder_new(TALLOC_CTX *ctx)
{
    struct sink_recorder *recorder = talloc_zero(ctx, struct sink_recorder);

    recorder->text = talloc_strdup(recorder, "");
    recorder->sink = (struct source_sink){ .context = recorder,
                                           .refresh_begin = record_begin,
                                           .entry = record_entry,
                                           .present = record_present,
                                           .gone = record_gone,
                                           .refresh_end = record_end,
                                           .checkpoint = record_checkpoint,
                                           .failed = record_failed };
    return recorder;
}

void sink_recorder_expect(struct sink_recorder *recorder, const char *expected)
{
    if (strcmp(recorder->text, expected) != 0)
        fail_msg("\n--- expected\n%s--- got\n%s---", expected, recorder->text);
    talloc_free(recorder->text);
    recorder->text = talloc_strdup(recorder, "");
}

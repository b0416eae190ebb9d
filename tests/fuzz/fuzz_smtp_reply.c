// SPDX-License-Identifier: Apache-2.0
// Links $(DELIVER_LIBS) $(BASE_LIBS). What a server says: replies in any pieces, their verdict and words,
// EHLO lines.
#include <stdlib.h>
#include <string.h>

#include "../../src/deliver/smtp_content.h"
#include "../../src/deliver/smtp_reply.h"
#include "../../src/deliver/smtp_result.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(const struct smtp_reply *reply, uint8_t step)
{
    struct smtp_evidence evidence = { .step = (enum smtp_step)(step % SMTP_STEP_COUNT),
                                      .code = reply->code,
                                      .text = reply->text,
                                      .reused = step & 0x40,
                                      .timed_out = step & 0x80 };
    struct smtp_verdict verdict = smtp_judge(&evidence);
    // A connection is either good for more or given up; and nothing is sent again at once after its content
    // went.
    if ((verdict.usable && (verdict.again || verdict.host_failed))
        || (verdict.again && evidence.step >= SMTP_STEP_CONTENT)
        || (verdict.outcome == TRANSPORT_ACCEPTED && evidence.step < SMTP_STEP_CONTENT))
        abort();
    char *words = smtp_explain(NULL, &evidence, "relay:25");
    for (const char *at = words; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            abort();
    talloc_free(words);
}

// No line of the content but its last may end the message.
static void check_content(const uint8_t *data, size_t size)
{
    size_t length = 0;
    char *wire = smtp_content(NULL, data, size, &length);
    if (length < 3 || memcmp(wire + length - 3, ".\r\n", 3) != 0)
        abort();
    bool line_start = true;
    for (size_t i = 0; i + 3 < length; i++) {
        if (line_start && wire[i] == '.' && wire[i + 1] == '\r')
            abort();
        if ((wire[i] == '\r') != (wire[i + 1] == '\n'))
            abort();
        line_start = wire[i] == '\n';
    }
    talloc_free(wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    uint8_t step = data[0];
    size_t piece = data[1] % 7 + 1;
    const char *text = (const char *)data + 2;
    size -= 2;
    struct smtp_reply reply = { 0 };
    struct smtp_features features = { 0 };
    smtp_features_line(&features, text, size);
    if (features.size_most < 0)
        abort();
    for (size_t at = 0; at < size;) {
        size_t used = 0, take = size - at < piece ? size - at : piece;
        int end = smtp_reply_feed(&reply, text + at, take, &used);
        if (used == 0 || used > take)
            abort();
        at += used;
        if (end < 0)
            break;
        if (end > 0) {
            if (reply.code < 200 || reply.code > 599 || strlen(reply.text) < 3)
                abort();
            judge(&reply, step);
            reply = (struct smtp_reply){ 0 };
        }
    }
    check_content((const uint8_t *)text, size);
    return 0;
}

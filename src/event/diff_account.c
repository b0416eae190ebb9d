// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "diff_parts.h"
#include "directory/schema.h"

// Locks, disabled accounts and passwords: the events that come from an account's state.

#define FOREVER (-1)
#define LATEST INT64_C(253402300799999) // the last millisecond that has four digits of year

struct lock {
    int64_t until; // as diff_locked_until()
    enum event_cause cause;
    int64_t stamp; // what the attribute says: equal for one and the same lock
    int64_t begin; // 0: unknown
};

// --- what one attribute says ---------------------------------------------------------------------

// A lock by failed logins that began at `start`.
static struct lock lock_at(const struct diff_context *context, int64_t start, int64_t stamp)
{
    struct lock lock = { .until = FOREVER, .cause = CAUSE_FAILED_LOGINS, .stamp = stamp, .begin = start };
    if (context->lockout_duration > 0 && start <= LATEST - context->lockout_duration)
        lock.until = start + context->lockout_duration > 0 ? start + context->lockout_duration : 1;
    return lock;
}

// draft-behera-ldap-password-policy §5.3.3, pwdAccountLockedTime: the time the account was locked; "a
// 000001010000Z value means that the account has been locked permanently, and that only a password
// administrator can unlock the account."
static struct lock lock_from_start(const struct diff_context *context, const struct value *value)
{
    int64_t start;
    if (value->length >= 4 && memcmp(value->data, "0000", 4) == 0)
        return (struct lock){ .until = FOREVER, .cause = CAUSE_ADMIN };
    if (clock_from_generalized(value->data, value->length, &start) < 0)
        return (struct lock){ .until = FOREVER, .cause = CAUSE_UNKNOWN };
    return lock_at(context, start, start);
}

// 389-DS accountUnlockTime: the time at which the lock ends; the epoch when the policy says "until an
// administrator unlocks".
static struct lock lock_from_end(const struct value *value)
{
    int64_t end;
    if (clock_from_generalized(value->data, value->length, &end) < 0 || end <= 0 || end > LATEST)
        end = FOREVER;
    return (struct lock){ .until = end, .cause = CAUSE_FAILED_LOGINS, .stamp = end };
}

// AD lockoutTime: the time of the lockout in 100 ns since 1601-01-01; 0: not locked.
static struct lock lock_from_filetime(const struct diff_context *context, const struct value *value)
{
    static const int64_t epoch = INT64_C(11644473600000);
    errno = 0;
    char *rest;
    long long ticks = strtoll(value->data, &rest, 10);
    if (rest == value->data || *rest || errno)
        return (struct lock){ .until = FOREVER, .cause = CAUSE_UNKNOWN };
    if (ticks <= 0)
        return (struct lock){ .until = 0 };
    return lock_at(context, ticks / 10000 - epoch, ticks);
}

// nsAccountLock, loginDisabled
static struct lock lock_from_boolean(const struct value *value)
{
    if (value->length == 4 && strncasecmp(value->data, "TRUE", 4) == 0)
        return (struct lock){ .until = FOREVER, .cause = CAUSE_ADMIN };
    return (struct lock){ .until = 0 };
}

static struct lock read_lock(const struct diff_context *context, const char *attribute,
                             const struct value *value)
{
    switch (schema_syntax(attribute)) {
    case SCHEMA_BOOLEAN:
        return lock_from_boolean(value);
    case SCHEMA_INTEGER:
        return lock_from_filetime(context, value);
    default:
        break;
    }
    if (strcasecmp(attribute, "accountUnlockTime") == 0 ||
        strcasecmp(attribute, "pwdAccountTmpLockoutEnd") == 0)
        return lock_from_end(value);
    // loginDisabled and the like, which the schema table need not know
    if (strcasecmp(value->data, "TRUE") == 0 || strcasecmp(value->data, "FALSE") == 0)
        return lock_from_boolean(value);
    return lock_from_start(context, value);
}

// --- the entry's lock ----------------------------------------------------------------------------

static bool lasts_longer(const struct lock *a, const struct lock *b)
{
    if (a->until == FOREVER || b->until == FOREVER)
        return b->until != FOREVER;
    return a->until > b->until;
}

// The lock that lasts longest. `comparable`: only from attributes that old and new entry can be compared in.
static struct lock find_lock(const struct diff_context *context, const struct entry *entry, bool comparable)
{
    struct lock found = { .until = 0 };
    const char **attributes = context->flavour->attributes[ROLE_LOCKED_TIME];
    for (; *attributes; attributes++) {
        const struct attribute *attribute = entry_attribute(entry, *attributes);
        if (!attribute || (comparable && !diff_is_comparable(context, *attributes)))
            continue;
        for (size_t i = 0; i < attribute->count; i++) {
            struct lock lock = read_lock(context, *attributes, &attribute->values[i]);
            if (lasts_longer(&lock, &found))
                found = lock;
        }
    }
    return found;
}

int64_t diff_locked_until(const struct diff_context *context, const struct entry *entry)
{
    return flavour_is_user(context->flavour, entry) ? find_lock(context, entry, false).until : 0;
}

static bool is_over(const struct diff_context *context, const struct lock *lock)
{
    return lock->until > 0 && lock->until <= context->now;
}

static bool is_new_lock(const struct diff_context *context, const struct lock *old, const struct lock *new)
{
    if (new->until == 0 || (new->stamp == old->stamp && new->cause == old->cause))
        return false;
    if (old->until == 0 || context->lock_expired || is_over(context, old))
        return true;
    return old->until != FOREVER && new->until == FOREVER && new->cause == CAUSE_ADMIN;
}

void diff_find_lockout(struct diff_work *work)
{
    if (!work->was_user || !work->is_user)
        return;
    struct lock old = find_lock(work->context, work->delta->old, true);
    struct lock new = find_lock(work->context, work->delta->new, true);
    work->locked_out = is_new_lock(work->context, &old, &new) && new.cause == CAUSE_FAILED_LOGINS;
}

static void add_locked(struct diff_work *work, const struct lock *lock)
{
    struct directory_event *event = diff_add(work, EVENT_USER_LOCKED, NULL);
    if (!event)
        return;
    event->cause = lock->cause;
    event->until = lock->until > 0 ? lock->until : 0;
    if (is_over(work->context, lock))
        event->time = lock->begin > 0 ? lock->begin : lock->until;
    if (lock->cause == CAUSE_FAILED_LOGINS) // whoever failed to log in has no name
        event_forget_actor(event);
}

static void add_unlocked(struct diff_work *work, const struct lock *lock)
{
    struct directory_event *event = diff_add(work, EVENT_USER_UNLOCKED, NULL);
    if (!event)
        return;
    event->cause = event->actor.dn ? CAUSE_ADMIN : CAUSE_UNKNOWN;
    if (is_over(work->context, lock)) {
        event->cause = CAUSE_EXPIRY;
        event->time = lock->until;
        event_forget_actor(event);
    }
}

void diff_lock(struct diff_work *work)
{
    const struct diff_context *context = work->context;
    struct lock old = find_lock(context, work->delta->old, true),
                new = find_lock(context, work->delta->new, true);
    if (is_new_lock(context, &old, &new)) {
        add_locked(work, &new);
        if (is_over(context, &new)) // it came and went while nobody looked: no timer will tell its end
            add_unlocked(work, &new);
    } else if (old.until != 0 && new.until == 0 && !context->lock_expired) {
        add_unlocked(work, &old);
    }
}

struct directory_event *diff_lock_expired(TALLOC_CTX *ctx, const struct diff_context *context,
                                const struct entry *entry, struct event_list *list)
{
    struct directory_event *event = event_list_add(list, ctx, EVENT_USER_UNLOCKED);
    if (!event)
        return NULL;
    int64_t until = find_lock(context, entry, false).until;
    event->time = until > 0 && until <= context->now ? until : context->now;
    event->directory = context->directory;
    event->entry = diff_entry_party(event, context, entry);
    event->cause = CAUSE_EXPIRY;
    return event;
}

// --- disabled ------------------------------------------------------------------------------------

void diff_disabled(struct diff_work *work)
{
    const struct filter *filter = work->context->flavour->disabled_when;
    bool silent;
    if (!filter || !diff_filter_is_comparable(work->context, filter, &silent))
        return;
    bool was = filter_matches(filter, work->delta->old), is = filter_matches(filter, work->delta->new);
    if (was != is)
        diff_add(work, is ? EVENT_USER_DISABLED : EVENT_USER_ENABLED, NULL);
}

// --- passwords -----------------------------------------------------------------------------------

// The first attribute of a role that either entry has and that can be compared; NULL: none.
static const char *comparable_attribute(const struct diff_work *work, enum flavour_role role)
{
    const char **attributes = work->context->flavour->attributes[role];
    for (; *attributes; attributes++)
        if (diff_is_comparable(work->context, *attributes) &&
            (entry_attribute(work->delta->old, *attributes) ||
             entry_attribute(work->delta->new, *attributes)))
            return *attributes;
    return NULL;
}

static bool is_true(const struct entry *entry, const char *attribute)
{
    const char *text = attribute ? entry_text(entry, attribute) : NULL;
    return text && strcasecmp(text, "TRUE") == 0;
}

// AD pwdLastSet: 0 demands a new password at the next logon.
static bool is_zero(const struct entry *entry, const char *attribute)
{
    const char *text = entry_text(entry, attribute);
    return text && strcmp(text, "0") == 0;
}

void diff_password(struct diff_work *work)
{
    const struct entry *old = work->delta->old, *new = work->delta->new;
    const char *time = comparable_attribute(work, ROLE_PASSWORD_TIME);
    const char *reset = comparable_attribute(work, ROLE_PASSWORD_RESET);
    bool demanded = is_true(new, reset), became_demanded = demanded && !is_true(old, reset);
    bool changed =
        time && entry_attribute(new, time) &&
        !diff_values_equal(work->scratch, entry_attribute(old, time), entry_attribute(new, time), time);
    if (changed && schema_syntax(time) == SCHEMA_INTEGER && is_zero(new, time))
        became_demanded = true;
    if (!changed && !became_demanded)
        return;
    struct directory_event *event = diff_add(work, EVENT_USER_PASSWORD_CHANGED, NULL);
    if (event && (demanded || became_demanded || event->origin == ORIGIN_OPERATOR))
        event->type = EVENT_USER_PASSWORD_RESET;
}

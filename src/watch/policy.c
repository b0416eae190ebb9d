// SPDX-License-Identifier: Apache-2.0
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/clock.h"
#include "base/log.h"
#include "directory/dn.h"
#include "internal.h"

// Which password policy applies to an entry, and how long its locks last. Policies are few and seldom change; what
// was read is kept until an entry of the mirror that is a policy changes, or a quarter of an hour has passed.

#define POLICY_KEEP (15 * CLOCK_MINUTE)

struct policy {
    char *normal_dn; // key; "" is the default policy
    int64_t duration;
    int64_t read;
    UT_hash_handle hh;
};

struct policy_cache {
    struct policy *policies;
};

static int policy_cache_destroy(struct policy_cache *cache)
{
    HASH_CLEAR(hh, cache->policies);
    return 0;
}

struct policy_cache *policy_cache_new(TALLOC_CTX *ctx)
{
    struct policy_cache *cache = talloc_zero(ctx, struct policy_cache);
    talloc_set_destructor(cache, policy_cache_destroy);
    return cache;
}

void policy_cache_forget(struct policy_cache *cache)
{
    HASH_CLEAR(hh, cache->policies);
    talloc_free_children(cache);
}

static int64_t policy_duration_of(const struct pipeline *pipeline, const struct entry *policy)
{
    const char *text = flavour_text(pipeline->flavour, ROLE_LOCKOUT_DURATION, policy);
    long long number = text ? strtoll(text, NULL, 10) : 0;
    if (number < 0) // AD: a negative span of 100 ns each; the smallest number means "until unlocked"
        return number == LLONG_MIN ? 0 : -number / 10000;
    return number <= INT64_MAX / CLOCK_SECOND ? number * CLOCK_SECOND : 0;
}

static void policy_keep(struct policy_cache *cache, const char *key, int64_t duration)
{
    struct policy *policy;
    HASH_FIND_STR(cache->policies, key, policy);
    if (!policy) {
        policy = talloc_zero(cache, struct policy);
        policy->normal_dn = talloc_strdup(policy, key);
        HASH_ADD_KEYPTR(hh, cache->policies, policy->normal_dn, strlen(policy->normal_dn), policy);
    }
    policy->duration = duration;
    policy->read = clock_now();
}

// One policy by name: from the mirror, else from the server.
static int policy_read(struct pipeline *pipeline, TALLOC_CTX *ctx, const char *dn, struct entry **policy, struct error *err)
{
    bool former = false;
    if (directory_store_by_dn(pipeline->store, ctx, dn, policy, &former, err) < 0)
        return -1;
    if (former)
        *policy = NULL;
    if (*policy || !pipeline->hooks->read_entry)
        return 0;
    struct error why = { 0 };
    if (pipeline->hooks->read_entry(pipeline->hooks->context, ctx, dn, policy, &why) < 0) {
        log_warning("password policy cannot be read; its locks are taken for endless", LOG_S("policy", dn), LOG_E(&why));
        *policy = NULL;
    }
    return 0;
}

struct policy_search {
    const struct pipeline *pipeline;
    const char *base; // normal form
    int count;
    int64_t duration;
};

static int policy_found(void *context, const struct entry *entry)
{
    struct policy_search *search = context;
    char *normal = dn_normalize(NULL, entry->dn, strlen(entry->dn), NULL);
    bool of_base = normal && strcmp(normal, search->base) == 0;
    talloc_free(normal);
    search->count = of_base ? 1 : search->count + 1;
    search->duration = policy_duration_of(search->pipeline, entry);
    return of_base; // an AD domain is the policy of everybody who has no other
}

// Nobody named the default: it is what the base itself says, or the only policy in the mirror.
static int policy_default(struct pipeline *pipeline, TALLOC_CTX *ctx, int64_t *duration, struct error *err)
{
    const char *base = pipeline->directory->base;
    struct policy_search search = { .pipeline = pipeline, .base = dn_normalize(ctx, base, strlen(base), NULL) };
    if (!pipeline->flavour->policy_filter || !search.base)
        return 0;
    if (directory_store_each(pipeline->store, pipeline->flavour->policy_filter, policy_found, &search, err) < 0)
        return -1;
    if (search.count > 1)
        log_warning("several password policies and no default_password_policy; locks without a policy of their own are "
                    "taken for endless");
    *duration = search.count == 1 ? search.duration : 0;
    return 0;
}

int policy_lockout_duration(struct pipeline *pipeline, const struct entry *entry, int64_t *duration, struct error *err)
{
    *duration = 0;
    const char *dn = flavour_text(pipeline->flavour, ROLE_PASSWORD_POLICY, entry);
    if (!dn)
        dn = pipeline->directory->default_password_policy;

    int result = -1;
    TALLOC_CTX *ctx = talloc_new(NULL);
    const char *key = "";
    struct policy *known = NULL;
    if (dn && !(key = dn_normalize(ctx, dn, strlen(dn), NULL))) {
        log_warning("password policy is no DN; its locks are taken for endless", LOG_S("policy", dn));
        result = 0;
        goto done;
    }
    HASH_FIND_STR(pipeline->policies->policies, key, known);
    if (known && clock_now() - known->read < POLICY_KEEP) {
        *duration = known->duration;
        result = 0;
        goto done;
    }
    if (dn) {
        struct entry *policy = NULL;
        if (policy_read(pipeline, ctx, dn, &policy, err) < 0)
            goto done;
        *duration = policy ? policy_duration_of(pipeline, policy) : 0;
    } else if (policy_default(pipeline, ctx, duration, err) < 0) {
        goto done;
    }
    policy_keep(pipeline->policies, key, *duration);
    result = 0;
done:
    talloc_free(ctx);
    return result;
}

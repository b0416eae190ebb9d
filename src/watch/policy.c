// SPDX-License-Identifier: Apache-2.0
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
    const char *seconds = flavour_text(pipeline->flavour, ROLE_LOCKOUT_DURATION, policy);
    return seconds ? strtoll(seconds, NULL, 10) * CLOCK_SECOND : 0;
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
    int count;
    const struct pipeline *pipeline;
    int64_t duration;
};

static int policy_found(void *context, const struct entry *entry)
{
    struct policy_search *search = context;
    search->count++;
    search->duration = policy_duration_of(search->pipeline, entry);
    return search->count > 1;
}

// Nobody named the default: if the mirror has exactly one policy, it is that one.
static int policy_only_one(struct pipeline *pipeline, int64_t *duration, struct error *err)
{
    struct policy_search search = { .pipeline = pipeline };
    if (!pipeline->flavour->policy_filter)
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
    } else if (policy_only_one(pipeline, duration, err) < 0) {
        goto done;
    }
    policy_keep(pipeline->policies, key, *duration);
    result = 0;
done:
    talloc_free(ctx);
    return result;
}

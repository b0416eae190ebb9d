// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "config/config.h"

const struct config_directory *config_directory_find(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->directory_count; i++)
        if (config->directories[i].name && strcmp(config->directories[i].name, name) == 0)
            return &config->directories[i];
    return NULL;
}

const struct config_transport *config_transport_find(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->transport_count; i++)
        if (config->transports[i].name && strcmp(config->transports[i].name, name) == 0)
            return &config->transports[i];
    return NULL;
}

const struct config_transport *config_rule_transport(const struct config *config,
                                                     const struct config_rule *rule)
{
    if (rule && rule->transport)
        return config_transport_find(config, rule->transport);
    return config->transport_count > 0 ? &config->transports[0] : NULL;
}

int64_t config_digest_wait(const struct config *config, const struct config_rule *rule,
                           const struct config_transport *transport, const struct config_directory *directory)
{
    if (rule && rule->digest_wait >= 0)
        return rule->digest_wait;
    if (transport && transport->digest_wait >= 0)
        return transport->digest_wait;
    if (directory && directory->digest_wait >= 0)
        return directory->digest_wait;
    return config->mail.digest_wait;
}

int64_t config_max_event_age(const struct config *config, const struct config_rule *rule,
                             const struct config_directory *directory)
{
    if (rule && rule->max_event_age >= 0)
        return rule->max_event_age;
    if (directory && directory->max_event_age >= 0)
        return directory->max_event_age;
    return config->mail.max_event_age;
}

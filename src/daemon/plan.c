// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include "plan.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"

static const enum config_slice duty_slices[] = {
    [DUTY_WATCH] = CONFIG_SLICE_WATCH,
    [DUTY_DELIVER] = CONFIG_SLICE_DELIVER,
    [DUTY_CONTROL] = CONFIG_SLICE_CONTROL,
};

// Folders of languages with partials below: no deeper.
#define TEMPLATES_DEPTH 4

// Independent of the order in which a folder lists its files.
static uint64_t files_hash(const char *path, int depth)
{
    struct stat status;
    if (depth == 0 || stat(path, &status) < 0)
        return 0;
    const int64_t looks[] = { (int64_t)hash_bytes(path, strlen(path)), (int64_t)status.st_ino,
                              (int64_t)status.st_size, (int64_t)status.st_mtim.tv_sec,
                              (int64_t)status.st_mtim.tv_nsec };
    uint64_t hash = hash_bytes(looks, sizeof looks);
    DIR *folder = S_ISDIR(status.st_mode) ? opendir(path) : NULL;
    for (const struct dirent *file; folder && (file = readdir(folder));) {
        char *below = file->d_name[0] == '.' ? NULL : talloc_asprintf(NULL, "%s/%s", path, file->d_name);
        if (below)
            hash += files_hash(below, depth - 1);
        talloc_free(below);
    }
    if (folder)
        closedir(folder);
    return hash;
}

static int plan_add(struct plan *plan, const struct config *config, enum duty duty, const char *directory)
{
    struct plan_worker *worker = &plan->workers[plan->count++];
    worker->duty = duty;
    worker->name = directory ? talloc_asprintf(plan->workers, "%s %s", duty_name(duty), directory)
                             : talloc_strdup(plan->workers, duty_name(duty));
    worker->slice = config_slice(plan->workers, config, duty_slices[duty], directory);
    return worker->name && worker->slice ? 0 : -1;
}

uint64_t plan_files(const struct config *config)
{
    return files_hash(config->template_dir, TEMPLATES_DEPTH);
}

struct plan *plan_new(TALLOC_CTX *ctx, const struct config *config, unsigned duties, uint64_t files)
{
    struct plan *plan = talloc_zero(ctx, struct plan);
    if (!plan)
        return NULL;
    plan->workers = talloc_zero_array(plan, struct plan_worker, config->directory_count + DUTY_COUNT);
    int failed = plan->workers ? 0 : -1;
    for (unsigned duty = 0; duty < DUTY_COUNT && !failed; duty++) {
        if (!(duties & 1u << duty))
            continue;
        if (duty != DUTY_WATCH)
            failed = plan_add(plan, config, duty, NULL);
        for (size_t i = 0; duty == DUTY_WATCH && i < config->directory_count && !failed; i++)
            failed = plan_add(plan, config, duty, config->directories[i].name);
        if (duty == DUTY_DELIVER && !failed)
            plan->workers[plan->count - 1].files = files;
    }
    if (failed)
        TALLOC_FREE(plan);
    return plan;
}

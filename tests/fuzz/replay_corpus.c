// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target over files, for builds without a fuzzer: what was found once is tested for ever.
//
//   fuzz_NAME CORPUS-DIRECTORY     TAP on standard output

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MOST (1 << 20)

static int run_file(const char *directory, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "rb");
    if (!file)
        return -1;
    uint8_t *data = malloc(INPUT_MOST);
    size_t size = data ? fread(data, 1, INPUT_MOST, file) : 0;
    fclose(file);
    // An exact copy: reading past the end is seen by the sanitizer.
    uint8_t *exact = malloc(size ? size : 1);
    for (size_t i = 0; exact && i < size; i++)
        exact[i] = data[i];
    free(data);
    int result = exact ? LLVMFuzzerTestOneInput(exact, size) : -1;
    free(exact);
    return result;
}

int main(int argc, char **argv)
{
    DIR *directory = argc == 2 ? opendir(argv[1]) : NULL;
    if (!directory) {
        fprintf(stderr, "usage: %s CORPUS-DIRECTORY\n", argv[0]);
        return 2;
    }
    int count = 0, failed = 0;
    const struct dirent *item;
    while ((item = readdir(directory)))
        if (item->d_name[0] != '.') {
            int bad = run_file(argv[1], item->d_name) < 0;
            failed += bad;
            printf("%s %d - %s\n", bad ? "not ok" : "ok", ++count, item->d_name);
        }
    closedir(directory);
    printf("1..%d\n", count);
    return failed || count == 0;
}

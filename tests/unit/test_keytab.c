// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/directory/keytab.h"

#define TAIL "\0\0\0\1\0\0\0\0\1\0\x12\0\1k"
#define ANN "\0\0\0\x18\0\1\0\1R\0\3ann" TAIL
#define HOST "\0\0\0\x1b\0\2\0\1R\0\3ann\0\1h" TAIL
#define HOLE "\xff\xff\xff\xfe\0\0"
#define OCTETS(text) text, sizeof text - 1

static void test_select(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        size_t size;
        const char *principal, *chosen;
        size_t chosen_size;
        int problem;
    } cases[] = {
        { OCTETS("\5\2" ANN HOLE HOST), "ann", OCTETS("\5\2" ANN), 0 },
        { OCTETS("\5\2" ANN HOLE HOST), "ann/h@R", OCTETS("\5\2" HOST), 0 },
        { OCTETS("\5\2" ANN HOST ANN), "ann@R", OCTETS("\5\2" ANN ANN), 0 },
        { OCTETS("\5\2" ANN), "ann@S", NULL, 0, 0 },
        { OCTETS("\5\2" ANN "\0\0\0\0" HOST), "ann/h", NULL, 0, 0 },
        { OCTETS("\5\2"), "ann", NULL, 0, 0 },
        { OCTETS("\5\1" ANN), "ann", NULL, 0, EBADMSG },
        { OCTETS("\5"), "ann", NULL, 0, EBADMSG },
        { OCTETS("\5\2\0\0\0\x40\0\1"), "ann", NULL, 0, EBADMSG },
        { OCTETS("\5\2\0\0\0\4\0\1\0\7"), "ann", NULL, 0, EBADMSG },
        { OCTETS("\5\2\0\0\0\5\xff\xff\0\1R"), "ann", NULL, 0, EBADMSG },
        { OCTETS("\5\2\x80\0\0\0"), "ann", NULL, 0, EBADMSG },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t size = cases[i].size;
        uint8_t *exact = talloc_memdup(NULL, cases[i].data, size);
        uint8_t *chosen = keytab_select(NULL, exact, &size, cases[i].principal);
        if (!cases[i].chosen) {
            assert_null(chosen);
            assert_int_equal(errno, cases[i].problem);
        } else {
            assert_non_null(chosen);
            assert_int_equal(size, cases[i].chosen_size);
            assert_memory_equal(chosen, cases[i].chosen, size);
        }
        talloc_free(chosen);
        talloc_free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_select) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

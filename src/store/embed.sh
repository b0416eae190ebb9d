#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# embed.sh DIRECTORY... writes C source with the numbered migrations of each directory, so that the binary carries
# its schema. The last part of a directory's name is the store's.
set -eu
LC_ALL=C
export LC_ALL
echo '// Made by embed.sh from the numbered migrations. Do not edit.'
echo '#include "database.h"'
for directory; do
    store=$(basename "$directory")
    echo
    echo "const struct migration ${store}_migrations[] = {"
    for file in "$directory"/[0-9][0-9][0-9][0-9].sql; do
        number=$(basename "$file" .sql | sed 's/^0*//')
        echo "    { $number,"
        sed -e 's/ *-- .*//' -e '/^$/d' -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/.*/      "&\\n"/' "$file"
        echo "    },"
    done
    echo "    { 0, NULL },"
    echo "};"
done

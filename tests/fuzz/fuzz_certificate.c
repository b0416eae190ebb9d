// SPDX-License-Identifier: Apache-2.0
// Links $(DIRECTORY_LIBS) $(BASE_LIBS) $(DIRECTORY_SYS).
#include <stdint.h>
#include <stdlib.h>

#include "../../src/directory/certificate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct certificate *certificate = certificate_parse(NULL, data, size);
    if (certificate == NULL)
        return 0;
    if (certificate->names == NULL || certificate->subject == NULL || certificate->issuer == NULL)
        abort();
    certificate_is_for(certificate, "ldap1.example.org");
    certificate_is_for(certificate, "::1");
    certificate_explain(certificate, certificate, "ldap1.example.org", NULL, 1);
    talloc_free(certificate);
    return 0;
}

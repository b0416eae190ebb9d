// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "directory/schema.h"

static const char *canonical(const char *name)
{
    return schema_canonical(name, strlen(name));
}

static void names(void **state)
{
    (void)state;
    static const char *const table[][2] = {
        { "cn", "cn" }, { "CN", "cn" }, { "commonName", "cn" }, { "2.5.4.3", "cn" }, { "cn;lang-de", "cn" },
        { "UNIQUEMEMBER", "uniqueMember" }, { "samaccountname", "sAMAccountName" },
        { "entryuuid", "entryUUID" }, { "rfc822Mailbox;x;y", "mail" },
        { "0.9.2342.19200300.100.1.1", "uid" }, { "surname", "sn" }, { "Xyzzy", "xyzzy" },
        { "XYZZY;binary", "xyzzy" }, { "userCertificate;binary", "userCertificate" },
        { "1.2.3.4", "1.2.3.4" }, { "", "" },
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_string_equal(canonical(table[i][0]), table[i][1]);
        assert_ptr_equal(canonical(table[i][0]), canonical(table[i][1]));
    }
    assert_string_equal(schema_canonical("cnx", 2), "cn");
}

static void many_unknown_names(void **state)
{
    (void)state;
    const char *first = canonical("unknown-0");
    for (int i = 0; i < 20000; i++) {
        char name[32];
        snprintf(name, sizeof name, "Unknown-%d", i);
        canonical(name);
    }
    assert_ptr_equal(canonical("UNKNOWN-0"), first);
    assert_string_equal(canonical("unknown-19999"), "unknown-19999");
    assert_string_equal(canonical("commonname"), "cn");
}

static void syntaxes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum schema_syntax syntax;
    } table[] = {
        { "cn", SCHEMA_TEXT }, { "member", SCHEMA_DN }, { "uniqueMember", SCHEMA_DN },
        { "memberUid", SCHEMA_UID }, { "uid", SCHEMA_TEXT }, { "pwdChangedTime", SCHEMA_TIME },
        { "uidNumber", SCHEMA_INTEGER }, { "pwdReset", SCHEMA_BOOLEAN }, { "objectGUID", SCHEMA_OCTETS },
        { "entryCSN", SCHEMA_TEXT_EXACT }, { "managedBy", SCHEMA_DN }, { "lockoutTime", SCHEMA_INTEGER },
        { "never-heard-of", SCHEMA_TEXT },
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        assert_int_equal(schema_syntax(table[i].name), table[i].syntax);
    assert_true(schema_is_case_exact("entryCSN"));
    assert_false(schema_is_case_exact("cn"));
    assert_true(schema_is_operational("pwdChangedTime"));
    assert_true(schema_is_operational("entryUUID"));
    assert_false(schema_is_operational("mail"));
    assert_false(schema_is_operational("never-heard-of"));
}

static void secrets(void **state)
{
    (void)state;
    static const char *const hidden[] = {
        "userPassword", "USERPASSWORD", "userPassword;x-a", "2.5.4.35", "pwdHistory", "passwordHistory",
        "authPassword", "unicodePwd", "dBCSPwd", "ntPwdHistory", "lmPwdHistory", "supplementalCredentials",
        "msDS-ManagedPassword", "ms-Mcs-AdmPwd", "msLAPS-Password", "msLAPS-EncryptedPasswordHistory",
        "trustAuthIncoming", "unixUserPassword", "sambaNTPassword", "sambaLMPassword",
        "sambaPasswordHistory", "sambaClearTextPassword", "krbPrincipalKey", "krb5Key", "krbMKey",
        "krbPwdHistory", "krbExtraData", "ipaNTHash", "ipaTokenOTPkey", "userPKCS12", "olcRootPW",
        "nsslapd-rootpw", "nsDS5ReplicaCredentials", "oathSecret", "unhashed#user#password",
        // nobody told us of these
        "acmeVoicePassword", "acmePasswd", "x-appPwd", "acmeNTHash", "acmeSharedSecret",
        "acmePasswordHistory", "acmePrivateKey", "sshPassphrase",
    };
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++)
        if (!schema_is_secret(hidden[i]))
            fail_msg("%s is no secret", hidden[i]);
    static const char *const open[] = {
        "cn", "mail", "member", "objectClass", "entryUUID", "pwdChangedTime", "pwdAccountLockedTime",
        "pwdFailureTime", "pwdReset", "pwdPolicySubentry", "pwdMaxAge", "pwdLockoutDuration", "pwdEndTime",
        "pwdAttribute", "pwdLastSet", "badPwdCount", "badPasswordTime", "passwordExpirationTime",
        "passwordRetryCount", "accountUnlockTime", "nsAccountLock", "sambaPwdLastSet",
        "krbPasswordExpiration", "krbLastPwdChange", "userAccountControl", "userCertificate",
        "sambaAcctFlags", "passwordMaxAge", "acmePasswordChangedAt", "secretary", "sshPublicKey",
    };
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++)
        if (schema_is_secret(open[i]))
            fail_msg("%s is taken for a secret", open[i]);
}

static void classes(void **state)
{
    (void)state;
    assert_true(schema_class_is("inetOrgPerson", "PERSON"));
    assert_true(schema_class_is("INETORGPERSON", "inetOrgPerson"));
    assert_true(schema_class_is("computer", "user"));
    assert_true(schema_class_is("anything", "top"));
    assert_false(schema_class_is("person", "inetOrgPerson"));
    assert_false(schema_class_is("groupOfNames", "person"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names), cmocka_unit_test(many_unknown_names), cmocka_unit_test(syntaxes),
        cmocka_unit_test(secrets), cmocka_unit_test(classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

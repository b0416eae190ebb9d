# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/mail/libmail.a
src_mail_libmail_a_SOURCES =

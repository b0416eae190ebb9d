# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/mail/libmail.a
src_mail_libmail_a_CPPFLAGS = $(AM_CPPFLAGS) $(GMIME_CFLAGS)
src_mail_libmail_a_SOURCES = src/mail/data.c src/mail/language.c src/mail/language.h src/mail/load.c \
  src/mail/message.c src/mail/mustache.cc src/mail/mustache.h src/mail/render.c src/mail/data.h src/mail/scan.c \
  src/mail/scan.h src/mail/set.h src/mail/tags.c src/mail/template.c

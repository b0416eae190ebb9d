# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/deliver/libdeliver.a
src_deliver_libdeliver_a_SOURCES = \
  src/deliver/curl_loop.c \
  src/deliver/curl_loop.h \
  src/deliver/deliver.c \
  src/deliver/freeze.c \
  src/deliver/import.c \
  src/deliver/maildir.c \
  src/deliver/maildir.h \
  src/deliver/outcome.c \
  src/deliver/outcome.h \
  src/deliver/queue.c \
  src/deliver/queue_impl.h \
  src/deliver/send.c \
  src/deliver/send.h \
  src/deliver/smtp.c \
  src/deliver/smtp_connect.c \
  src/deliver/smtp_connect.h \
  src/deliver/smtp_content.c \
  src/deliver/smtp_content.h \
  src/deliver/smtp_envelope.c \
  src/deliver/smtp_envelope.h \
  src/deliver/smtp_hosts.c \
  src/deliver/smtp_hosts.h \
  src/deliver/smtp_reply.c \
  src/deliver/smtp_reply.h \
  src/deliver/smtp_result.c \
  src/deliver/smtp_result.h \
  src/deliver/smtp_session.c \
  src/deliver/smtp_session.h \
  src/deliver/smtp_test.c \
  src/deliver/test_command.c \
  src/deliver/test_command.h \
  src/deliver/test_mail.c \
  src/deliver/transport.c

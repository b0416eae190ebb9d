# SPDX-License-Identifier: Apache-2.0
dist_man5_MANS = doc/ldapnotify.conf.5
dist_man5_MANS += doc/ldapnotify-templates.5
dist_man8_MANS = doc/ldapnotifyd.8
dist_man8_MANS += doc/ldapnotifyctl.8
dist_doc_DATA += README NEWS COPYING doc/design.md doc/events.md doc/openldap.md doc/benchmarks.md \
  schemas/json/event.json etc/ldapnotify.conf
EXTRA_DIST += README.md

# SPDX-License-Identifier: Apache-2.0
# What an init system needs. The account itself is made by systemd-sysusers or by the package.
SUBSTITUTE_PATHS = $(AM_V_GEN)$(MKDIR_P) $(@D) && \
  $(SED) -e 's|@sbindir[@]|$(sbindir)|g' -e 's|@sysconfdir[@]|$(sysconfdir)|g'

systemdsystemunit_DATA = etc/systemd/ldapnotify.service
etc/systemd/ldapnotify.service: etc/systemd/ldapnotify.service.in Makefile
	$(SUBSTITUTE_PATHS) '$(srcdir)'/etc/systemd/ldapnotify.service.in > $@

initdir = $(sysconfdir)/init.d
init_SCRIPTS = etc/init.d/ldapnotify
etc/init.d/ldapnotify: etc/init.d/ldapnotify.in Makefile
	$(SUBSTITUTE_PATHS) '$(srcdir)'/etc/init.d/ldapnotify.in > $@
	$(AM_V_at)chmod 755 $@

sysusersdir = $(prefix)/lib/sysusers.d
dist_sysusers_DATA = etc/sysusers.d/ldapnotify.conf
tmpfilesdir = $(prefix)/lib/tmpfiles.d
dist_tmpfiles_DATA = etc/tmpfiles.d/ldapnotify.conf
logrotatedir = $(sysconfdir)/logrotate.d
dist_logrotate_DATA = etc/logrotate.d/ldapnotify
dist_doc_DATA = etc/systemd/root-supervisor.conf

EXTRA_DIST += etc/systemd/ldapnotify.service.in etc/init.d/ldapnotify.in
CLEANFILES += $(systemdsystemunit_DATA) $(init_SCRIPTS)

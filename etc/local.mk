# SPDX-License-Identifier: Apache-2.0
include etc/packaging.mk
include etc/templates/local.mk
EXTRA_DIST += etc/ldapnotify.conf etc/rules.conf

# An administrator's files are never overwritten, and only taken away while they are as they were shipped.
CONFIG_SAMPLES = ldapnotify.conf rules.conf
install-data-local: install-config-samples
uninstall-local: uninstall-config-samples
install-config-samples:
	$(MKDIR_P) '$(DESTDIR)$(sysconfdir)/ldapnotify'
	for file in $(CONFIG_SAMPLES); do \
	  installed='$(DESTDIR)$(sysconfdir)'/ldapnotify/$$file; \
	  if test -f "$$installed"; then continue; fi; \
	  $(SED) 's|/etc/ldapnotify/|$(sysconfdir)/ldapnotify/|g' '$(srcdir)'/etc/$$file > $$file.tmp && \
	  $(INSTALL_DATA) $$file.tmp "$$installed" && rm -f $$file.tmp || exit 1; \
	done
uninstall-config-samples:
	for file in $(CONFIG_SAMPLES); do \
	  installed='$(DESTDIR)$(sysconfdir)'/ldapnotify/$$file; \
	  $(SED) 's|/etc/ldapnotify/|$(sysconfdir)/ldapnotify/|g' '$(srcdir)'/etc/$$file | cmp -s - "$$installed" && \
	  rm -f "$$installed"; \
	done; true
.PHONY: install-config-samples uninstall-config-samples

bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = etc/bash-completion/ldapnotifyctl

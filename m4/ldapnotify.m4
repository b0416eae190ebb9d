# SPDX-License-Identifier: Apache-2.0
# LDAPNOTIFY_PKG(PREFIX, MODULES, DEBIAN-PACKAGE)
# Like PKG_CHECK_MODULES, but remembers the Debian package of what is missing in $ldapnotify_missing.
AC_DEFUN([LDAPNOTIFY_PKG],
  [PKG_CHECK_MODULES([$1], [$2], [], [ldapnotify_missing="$ldapnotify_missing $3"])])

// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_SOURCE_LDIF_H
#define LDAPNOTIFY_SOURCE_LDIF_H

#include <stdio.h>

#include "source/source.h"

// The `ldif` source plays a file (RFC 2849 content and change records) to a sink as if it came from a server,
// so that whole flows can be told in a file and simulated. It keeps a model of the directory in memory and
// sends whole entries as syncrepl does (modrdn is one message; children move silently). An entry without
// entryUUID gets one that depends on its first DN and on how often that was used before, so it is the same in
// every run. Secret attributes (userPassword, …) are never kept. Control lines are comments that begin with
// "#!":
//
//   #! refresh          what follows until the next "#! persist" comes as one refresh of changes; deletes are listed
//   #! refresh present  … as one refresh of changes that names the present entries; the rest is swept
//   #! refresh whole    … as one complete refresh with sweep
//   #! persist          back to persist (the default after the first block of content records, which is the
//                       initial refresh)
//   #! advance 5m       the fake clock moves on (clock_advance_fake), then `tick` is called, but not in a refresh
//   #! begin / #! end   the changes between are one batch
//   #! restart          the sink's owner is told to restart (`restart` callback); then follows a refresh of
//                       changes, with what had not been checkpointed
//   #! silent           the next record changes the model but is not sent (an overlay's write)
//   #! actor DN         modifiersName of what follows
//
// Every other batch is one change. The model sets entryCSN, modifiersName, createTimestamp as slapd does.

struct ldif_player;

struct ldif_hooks {
    void *context;
    int (*tick)(void *context, struct error *err); // after the clock moved
    // Afterwards the sink may be another one: see ldif_player_sink().
    int (*restart)(void *context, struct error *err);
};

// `view` is copied.
struct ldif_player *ldif_player_new(TALLOC_CTX *ctx, const char *path, const struct view *view,
                                    struct error *err) MUST_CHECK;
// The owner of the sink asks for something else after a restart. On failure the view stays as it was.
int ldif_player_view(struct ldif_player *player, const struct view *view, struct error *err) MUST_CHECK;
void ldif_player_sink(struct ldif_player *player, const struct source_sink *sink);
// Plays to the end. Problems of the file are "PATH:LINE: words".
int ldif_player_run(struct ldif_player *player, const struct ldif_hooks *hooks, struct error *err) MUST_CHECK;

#endif

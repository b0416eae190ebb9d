-- SPDX-License-Identifier: Apache-2.0
-- The delivery store: notifications waiting for their digest, frozen messages, what became of them.

-- Up to where each directory's outbox has been imported.
CREATE TABLE cursor (
  directory TEXT PRIMARY KEY,
  sequence INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE event (
  directory TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  type TEXT NOT NULL,
  data TEXT NOT NULL, -- JSON
  PRIMARY KEY (directory, sequence)
) STRICT, WITHOUT ROWID;

-- `pair` is the hash of recipient, entry, party and event or its opposite; `bundle` that of recipient, directory and
-- transport. States are those of enum notification_state; 0 waits.
CREATE TABLE notification (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  directory TEXT NOT NULL,
  outbox INTEGER NOT NULL,
  event INTEGER NOT NULL,
  state INTEGER NOT NULL DEFAULT 0,
  message INTEGER,
  created INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  due INTEGER NOT NULL,
  folded INTEGER NOT NULL DEFAULT 0,
  pair INTEGER NOT NULL,
  bundle INTEGER NOT NULL,
  uuid BLOB,
  dn TEXT,
  name TEXT,
  address TEXT,
  recipient_language TEXT,
  roles TEXT NOT NULL,
  courtesy INTEGER NOT NULL,
  rule TEXT,
  transport TEXT,
  template TEXT,
  language TEXT,
  digest_wait INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  reason TEXT
) STRICT;
CREATE INDEX notification_due ON notification (due) WHERE state = 0;
CREATE INDEX notification_pair ON notification (pair) WHERE state = 0;
CREATE INDEX notification_told ON notification (pair) WHERE state = 1;
CREATE INDEX notification_bundle ON notification (bundle) WHERE state = 0;
CREATE INDEX notification_event ON notification (directory, event);
CREATE INDEX notification_message ON notification (message) WHERE message IS NOT NULL;
CREATE INDEX notification_state ON notification (state);

-- States are those of enum message_state; 0 is queued, 1 leased. `lifetime` is what `expires` was from creation on.
CREATE TABLE message (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  state INTEGER NOT NULL,
  created INTEGER NOT NULL,
  lifetime INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  next_attempt INTEGER NOT NULL,
  lease_until INTEGER NOT NULL,
  finished INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  code INTEGER NOT NULL,
  directory TEXT NOT NULL,
  transport TEXT NOT NULL,
  recipient TEXT NOT NULL,
  recipient_name TEXT,
  intended TEXT,
  envelope_from TEXT,
  message_id TEXT NOT NULL,
  subject TEXT,
  reply TEXT,
  host TEXT
) STRICT;
CREATE INDEX message_state ON message (state);
CREATE INDEX message_due ON message (transport, next_attempt, created) WHERE state = 0;

-- Apart, so that a result is written without the message.
CREATE TABLE body (
  message INTEGER PRIMARY KEY,
  bytes BLOB NOT NULL
) STRICT;

-- Who did what to which message.
CREATE TABLE action (
  id INTEGER PRIMARY KEY,
  time INTEGER NOT NULL,
  who TEXT NOT NULL,
  action TEXT NOT NULL,
  message INTEGER NOT NULL
) STRICT;

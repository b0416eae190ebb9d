-- SPDX-License-Identifier: Apache-2.0
-- One directory's store: mirror, where the source stands, events, decisions, outbox, timers, storms.
-- Hashes are 64 bits of the normal form of a name, kept as signed integers.

CREATE TABLE state (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  directory TEXT,
  source TEXT,
  flavour TEXT,
  view_hash TEXT,
  attributes TEXT,
  cookie TEXT,
  version INTEGER NOT NULL DEFAULT 0,
  loaded INTEGER NOT NULL DEFAULT 0,
  caught_up INTEGER NOT NULL DEFAULT 0,
  last_change INTEGER NOT NULL DEFAULT 0,
  doubted INTEGER NOT NULL DEFAULT 0,
  reached TEXT,
  -- Rows of the tables of the same names, so that nobody has to count them.
  entries INTEGER NOT NULL DEFAULT 0,
  links INTEGER NOT NULL DEFAULT 0,
  events INTEGER NOT NULL DEFAULT 0,
  outbox INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO state (one) VALUES (1);

-- The mirror, in two halves: what is compared and indexed lies close together, what is only read once an entry has been
-- found lies apart. `digest` covers DN, attributes and links whatever their order. While two entries exchange names one
-- of them has a hash that stands for no name.
CREATE TABLE entry (
  id INTEGER PRIMARY KEY,
  uuid BLOB NOT NULL,
  hash INTEGER NOT NULL,
  parent_hash INTEGER NOT NULL,
  uid_hash INTEGER,
  digest INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX entry_uuid ON entry (uuid);
CREATE INDEX entry_hash ON entry (hash);
CREATE INDEX entry_parent ON entry (parent_hash);
CREATE INDEX entry_uid ON entry (uid_hash) WHERE uid_hash IS NOT NULL;

-- `attributes` is the packed entry without its links.
CREATE TABLE content (
  id INTEGER PRIMARY KEY,
  dn TEXT NOT NULL,
  attributes BLOB NOT NULL
) STRICT;

-- Names of link attributes.
CREATE TABLE attribute (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE link (
  entry INTEGER NOT NULL,
  attribute INTEGER NOT NULL,
  target INTEGER NOT NULL,
  PRIMARY KEY (entry, attribute, target)
) STRICT, WITHOUT ROWID;
CREATE INDEX link_target ON link (target, attribute, entry);

-- What a target is called that is no entry of the mirror, and every uid that is a target.
CREATE TABLE outside (
  hash INTEGER PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;

-- Entries that a refresh after a change of the view did not name: they may be gone, or only out of view. No later refresh
-- takes them for gone.
CREATE TABLE doubt (
  entry INTEGER PRIMARY KEY
) STRICT;

-- Names that an entry had before, until another entry takes them. `name` is a DN or a uid.
CREATE TABLE alias (
  hash INTEGER PRIMARY KEY,
  entry INTEGER NOT NULL,
  name TEXT NOT NULL
) STRICT;
CREATE INDEX alias_entry ON alias (entry);

-- Entries that are gone, under the id they had.
CREATE TABLE former (
  id INTEGER PRIMARY KEY,
  uuid BLOB NOT NULL,
  hash INTEGER NOT NULL,
  uid_hash INTEGER,
  gone INTEGER NOT NULL,
  dn TEXT NOT NULL,
  attributes BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX former_uuid ON former (uuid);
CREATE INDEX former_hash ON former (hash);
CREATE INDEX former_uid ON former (uid_hash) WHERE uid_hash IS NOT NULL;
CREATE INDEX former_gone ON former (gone);

CREATE TABLE event (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  stored INTEGER NOT NULL,
  time INTEGER NOT NULL,
  type TEXT NOT NULL,
  words TEXT NOT NULL, -- DNs and names, for searching
  data TEXT NOT NULL   -- JSON
) STRICT;

CREATE TABLE decision (
  id INTEGER PRIMARY KEY,
  event INTEGER NOT NULL,
  rule TEXT NOT NULL,
  role TEXT NOT NULL,
  outcome INTEGER NOT NULL,
  reason TEXT,
  uuid BLOB,
  dn TEXT,
  name TEXT,
  address TEXT,
  language TEXT
) STRICT;
CREATE INDEX decision_event ON decision (event);

CREATE TABLE outbox (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  event INTEGER NOT NULL,
  stored INTEGER NOT NULL,
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
  expires INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_event ON outbox (event);

CREATE TABLE timer (
  entry BLOB NOT NULL,
  kind INTEGER NOT NULL,
  due INTEGER NOT NULL,
  PRIMARY KEY (entry, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX timer_due ON timer (due);

-- Entries whose lock has ended by our timer while its attribute is still there.
CREATE TABLE lock_expired (
  entry BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE storm (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  rule TEXT NOT NULL,
  state INTEGER NOT NULL,
  opened INTEGER NOT NULL,
  last INTEGER NOT NULL,
  closed INTEGER NOT NULL DEFAULT 0,
  events INTEGER NOT NULL DEFAULT 0,
  notifications INTEGER NOT NULL DEFAULT 0,
  first_event INTEGER NOT NULL DEFAULT 0,
  last_event INTEGER NOT NULL DEFAULT 0,
  closed_by TEXT
) STRICT;

CREATE TABLE held (
  storm INTEGER NOT NULL,
  event INTEGER NOT NULL,
  notifications INTEGER NOT NULL,
  PRIMARY KEY (storm, event)
) STRICT, WITHOUT ROWID;
CREATE INDEX held_event ON held (event);

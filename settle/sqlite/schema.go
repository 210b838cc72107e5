package sqlite

// applicationID marks the file as a ledger: "JPL1" in ASCII.
const applicationID = 0x4a504c31

// migrations are SQL scripts in order. One that was released never changes.
var migrations = []string{`
CREATE TABLE head (
	one INTEGER PRIMARY KEY CHECK (one = 1),
	genesis BLOB NOT NULL,
	height INTEGER NOT NULL, log BLOB NOT NULL, decided INTEGER NOT NULL, accepted INTEGER NOT NULL,
	time INTEGER NOT NULL, paused INTEGER NOT NULL, certified INTEGER NOT NULL,
	changed INTEGER NOT NULL,
	incarnation BLOB NOT NULL, sequence INTEGER NOT NULL,
	final INTEGER NOT NULL,
	vote BLOB
);
CREATE TABLE entries (
	height INTEGER PRIMARY KEY,
	kind INTEGER NOT NULL, id BLOB NOT NULL, verdict INTEGER NOT NULL, time INTEGER NOT NULL, raw BLOB NOT NULL,
	payload BLOB, payload_kind INTEGER, issuer BLOB, parties BLOB, effects BLOB
);
CREATE INDEX entries_id ON entries (id) WHERE kind = 1;
CREATE INDEX entries_payload ON entries (payload) WHERE kind = 1;
CREATE TABLE party_vertices (
	party BLOB NOT NULL, height INTEGER NOT NULL, PRIMARY KEY (party, height)
) WITHOUT ROWID;
CREATE TABLE channel_vertices (
	channel BLOB NOT NULL, height INTEGER NOT NULL, PRIMARY KEY (channel, height)
) WITHOUT ROWID;
CREATE TABLE slots (
	slot INTEGER PRIMARY KEY, kind INTEGER NOT NULL, id BLOB NOT NULL, content BLOB NOT NULL
);
CREATE UNIQUE INDEX slots_key ON slots (id, kind);
CREATE TABLE channels (
	slot INTEGER PRIMARY KEY, state INTEGER NOT NULL, opener BLOB NOT NULL, partner BLOB NOT NULL
);
CREATE INDEX channels_opener ON channels (opener, slot);
CREATE INDEX channels_partner ON channels (partner, slot);
CREATE TABLE checkpoints (
	number INTEGER PRIMARY KEY, height INTEGER NOT NULL, body BLOB NOT NULL, certificate BLOB, certified INTEGER NOT NULL
);
CREATE INDEX checkpoints_height ON checkpoints (height);
`, `
CREATE TABLE vertex_heights (
	segment INTEGER NOT NULL, key BLOB NOT NULL, height INTEGER NOT NULL, PRIMARY KEY (segment, key, height)
) WITHOUT ROWID;
CREATE TABLE payload_heights (
	segment INTEGER NOT NULL, key BLOB NOT NULL, height INTEGER NOT NULL, PRIMARY KEY (segment, key, height)
) WITHOUT ROWID;
CREATE TABLE party_heights (
	segment INTEGER NOT NULL, key BLOB NOT NULL, height INTEGER NOT NULL, PRIMARY KEY (segment, key, height)
) WITHOUT ROWID;
CREATE TABLE channel_heights (
	segment INTEGER NOT NULL, key BLOB NOT NULL, height INTEGER NOT NULL, PRIMARY KEY (segment, key, height)
) WITHOUT ROWID;
INSERT INTO vertex_heights SELECT height >> 16, substr(id, 1, 8), height FROM entries WHERE kind = 1;
INSERT INTO payload_heights SELECT height >> 16, substr(payload, 1, 8), height FROM entries WHERE kind = 1;
INSERT OR IGNORE INTO party_heights SELECT height >> 16, substr(party, 1, 8), height FROM party_vertices;
INSERT OR IGNORE INTO channel_heights SELECT height >> 16, substr(channel, 1, 8), height FROM channel_vertices;
DROP INDEX entries_id;
DROP INDEX entries_payload;
DROP TABLE party_vertices;
DROP TABLE channel_vertices;
`, `
ALTER TABLE head ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE head ADD COLUMN started BLOB NOT NULL DEFAULT x'00000000000000000000000000000000';
ALTER TABLE head ADD COLUMN final_certificate BLOB;
ALTER TABLE head ADD COLUMN pruned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE head ADD COLUMN window_before BLOB;
ALTER TABLE checkpoints ADD COLUMN head BLOB;
ALTER TABLE checkpoints ADD COLUMN position BLOB;
ALTER TABLE head ADD COLUMN sum INTEGER;
ALTER TABLE entries ADD COLUMN sum INTEGER;
ALTER TABLE slots ADD COLUMN sum INTEGER;
ALTER TABLE checkpoints ADD COLUMN sum INTEGER;
ALTER TABLE checkpoints ADD COLUMN certificate_sum INTEGER;
UPDATE checkpoints SET certified = number * 7919 + 4093 WHERE certified = 1;
CREATE TABLE undo (
	checkpoint INTEGER NOT NULL, slot INTEGER NOT NULL, before BLOB, sum INTEGER, PRIMARY KEY (checkpoint, slot)
) WITHOUT ROWID;
CREATE TABLE window (
	height INTEGER PRIMARY KEY, kind INTEGER NOT NULL, id BLOB NOT NULL, verdict INTEGER NOT NULL, sum INTEGER
);
`, `
CREATE INDEX entries_kind ON entries (payload_kind, height, verdict) WHERE kind = 1;
CREATE INDEX entries_refused ON entries (height) WHERE kind = 1 AND verdict >= 16;
CREATE INDEX channels_state ON channels (state, slot);
`}

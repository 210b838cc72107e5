package sqlite

// applicationID marks the file: "JPch".
const applicationID = 0x4a506368

// migrations build the tables. One that was released never changes.
//
// Rows are numbered in the order in which they were first stored. What a claim changes stands in narrow tables of its
// own (channel_progress, session_progress), so that the rows of all sessions under way share a few pages.
//
// listed has what lists of sessions are filtered by; it changes some ten times in a session's life.
//
// Readings go to the end of their table, whichever session they belong to: session_progress knows the last one, and
// each knows the one before it. An index by session would cost a page for every reading.
var migrations = []string{`
CREATE TABLE channel (
	number INTEGER PRIMARY KEY,
	id     BLOB NOT NULL UNIQUE,
	terms  BLOB NOT NULL
) STRICT;
CREATE TABLE channel_progress (
	number   INTEGER PRIMARY KEY,
	progress BLOB NOT NULL
) STRICT;

CREATE TABLE session (
	number INTEGER PRIMARY KEY,
	id     BLOB NOT NULL UNIQUE,
	terms  BLOB NOT NULL
) STRICT;
CREATE TABLE session_progress (
	number       INTEGER PRIMARY KEY,
	progress     BLOB NOT NULL,
	last_reading INTEGER NOT NULL -- 0: none
) STRICT;
CREATE TABLE unfinished (
	session INTEGER PRIMARY KEY
) STRICT;

CREATE TABLE reading (
	number   INTEGER PRIMARY KEY,
	previous INTEGER NOT NULL CHECK (previous < number), -- of the same session; 0: none
	sequence INTEGER NOT NULL,
	signed   BLOB NOT NULL
) STRICT;

CREATE TABLE operation (
	number  INTEGER PRIMARY KEY,
	id      BLOB NOT NULL UNIQUE,
	kind    INTEGER NOT NULL,
	channel BLOB NOT NULL,
	session BLOB NOT NULL,
	body    BLOB NOT NULL,
	payload BLOB NOT NULL, -- empty: not yet fixed
	state   INTEGER NOT NULL,
	vertex  BLOB NOT NULL,
	failure TEXT NOT NULL
) STRICT;
CREATE INDEX operation_pending ON operation (number) WHERE state = 1;

CREATE TABLE key_index (
	one  INTEGER PRIMARY KEY CHECK (one = 1),
	last INTEGER NOT NULL
) STRICT;
INSERT INTO key_index VALUES (1, 0);

CREATE TABLE receipt (
	session BLOB PRIMARY KEY NOT NULL,
	receipt BLOB NOT NULL
) STRICT;
`, `
CREATE TABLE unclosed (
	channel INTEGER PRIMARY KEY
) STRICT;
INSERT INTO unclosed SELECT number FROM channel_progress WHERE substr(progress, 2, 1) <> x'03'; -- the state
`, `
CREATE TABLE listed (
	session INTEGER PRIMARY KEY,
	peer    BLOB NOT NULL,
	phase   INTEGER NOT NULL,
	began   INTEGER NOT NULL
) STRICT;
CREATE INDEX listed_peer ON listed (peer, session);
CREATE INDEX listed_phase ON listed (phase, session);
`}

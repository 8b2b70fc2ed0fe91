-- +goose Up
-- Changes of findings that somebody is to be told, written with the change itself: one row for each receiver
-- (a webhook by its name, or mail), until it was told.
CREATE TABLE notices (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    organization TEXT    NOT NULL REFERENCES organizations (id),
    receiver     TEXT    NOT NULL,
    event        TEXT    NOT NULL, -- ID of the change, one for all receivers
    change       TEXT    NOT NULL, -- opened, updated or resolved
    finding      INTEGER NOT NULL,
    finding_key  TEXT    NOT NULL,
    content      TEXT    NOT NULL, -- JSON of the finding as it was then
    opened       INTEGER NOT NULL, -- when the finding was
    noted        INTEGER NOT NULL, -- when the change was
    attempts     INTEGER NOT NULL DEFAULT 0,
    due          INTEGER NOT NULL DEFAULT 0, -- not to be tried before
    claimed      INTEGER NOT NULL DEFAULT 0  -- until then one process is at it
) STRICT;
CREATE INDEX notices_subject ON notices (receiver, organization, finding_key, id);
CREATE INDEX notices_due ON notices (receiver, due, id);

-- How it stands with the mails to an organization.
CREATE TABLE digests (
    organization TEXT    NOT NULL PRIMARY KEY REFERENCES organizations (id),
    weekly       INTEGER NOT NULL,           -- when the last weekly one was sent, or mail began
    sent         INTEGER NOT NULL DEFAULT 0, -- when the last of any sort was
    claimed      INTEGER NOT NULL DEFAULT 0,
    due          INTEGER NOT NULL DEFAULT 0,
    attempts     INTEGER NOT NULL DEFAULT 0, -- that failed since the last that was sent
    failing      INTEGER NOT NULL DEFAULT 0, -- when the first of these was
    told         TEXT    NOT NULL DEFAULT '[]' -- JSON: who has the mail already that others wait for
) STRICT;

-- How it stands with each receiver.
CREATE TABLE receivers (
    name     TEXT    NOT NULL PRIMARY KEY,
    sent     INTEGER NOT NULL DEFAULT 0, -- when the last message was
    failed   INTEGER NOT NULL DEFAULT 0, -- when the last attempt did
    problem  TEXT    NOT NULL DEFAULT '', -- of that attempt
    given_up INTEGER NOT NULL DEFAULT 0  -- changes that were never told
) STRICT;

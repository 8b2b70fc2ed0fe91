-- What people say and correct: imports that are undone, entries of ledgers one by one, what is retired, replacements
-- that are none, postal addresses, notes to findings.

-- +goose Up
ALTER TABLE imports ADD COLUMN kind TEXT NOT NULL DEFAULT 'contract'; -- contract, rma or orders
ALTER TABLE imports ADD COLUMN undone INTEGER NOT NULL DEFAULT 0;     -- when it was undone
ALTER TABLE imports ADD COLUMN undone_by TEXT NOT NULL DEFAULT '';

-- The contracts that each import covered: of those not undone, the newest of a contract is its import in contracts.
CREATE TABLE import_contracts (
    import   INTEGER NOT NULL REFERENCES imports (id),
    contract TEXT    NOT NULL,
    PRIMARY KEY (import, contract)
) STRICT;
INSERT INTO import_contracts (import, contract)
SELECT import, contract FROM line_changes UNION SELECT import, number FROM contracts;

-- Entries of the ledgers that people keep: rma or orders. One that came with a file has its import, and one that a
-- person entered or corrected has an author. The table ledgers is left to the version before this one.
CREATE TABLE ledger_entries (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    organization TEXT    NOT NULL REFERENCES organizations (id),
    kind         TEXT    NOT NULL,
    entry        TEXT    NOT NULL,               -- JSON
    import       INTEGER REFERENCES imports (id),
    ended        INTEGER REFERENCES imports (id), -- the import that put others in its place; NULL while it counts
    author       TEXT    NOT NULL,
    changed      INTEGER NOT NULL
) STRICT;
CREATE INDEX ledger_entries_current ON ledger_entries (organization, kind) WHERE ended IS NULL;
CREATE INDEX ledger_entries_import ON ledger_entries (import);
INSERT INTO imports (organization, kind, file, sha256, imported_at, lines, refusals, added, removed, changed)
SELECT organization, kind, file, '', imported_at, json_array_length(entries), '[]', json_array_length(entries), 0, 0 FROM ledgers;
INSERT INTO ledger_entries (organization, kind, entry, import, author, changed)
SELECT l.organization, l.kind, e.value, i.id, '', l.imported_at
FROM ledgers l JOIN imports i ON i.organization = l.organization AND i.kind = l.kind, json_each(l.entries) e ORDER BY i.id, e.key;

CREATE TABLE retirements (
    organization TEXT    NOT NULL REFERENCES organizations (id),
    kind         TEXT    NOT NULL, -- contract, node or site
    name         TEXT    NOT NULL, -- its number, "site/address", or its name
    author       TEXT    NOT NULL,
    since        TEXT    NOT NULL,
    said         INTEGER NOT NULL,
    reason       TEXT    NOT NULL,
    PRIMARY KEY (organization, kind, name)
) STRICT;

-- Replacements that are none: inferred, and rejected by a person.
CREATE TABLE rejections (
    organization TEXT NOT NULL REFERENCES organizations (id),
    old_serial   TEXT NOT NULL, -- cleaned, as the new one
    new_serial   TEXT NOT NULL,
    author       TEXT NOT NULL,
    rejected_on  TEXT NOT NULL,
    reason       TEXT NOT NULL, -- '' when none was given
    PRIMARY KEY (organization, old_serial, new_serial)
) STRICT;

ALTER TABLE sites ADD COLUMN street TEXT NOT NULL DEFAULT '';
ALTER TABLE sites ADD COLUMN postal_code TEXT NOT NULL DEFAULT '';
ALTER TABLE sites ADD COLUMN city TEXT NOT NULL DEFAULT '';
ALTER TABLE sites ADD COLUMN state TEXT NOT NULL DEFAULT '';
ALTER TABLE sites ADD COLUMN country TEXT NOT NULL DEFAULT '';

ALTER TABLE findings ADD COLUMN acknowledged_note TEXT NOT NULL DEFAULT '';

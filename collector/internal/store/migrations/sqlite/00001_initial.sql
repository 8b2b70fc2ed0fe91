-- Times are Unix milliseconds, 0 for "never"; days are ISO text; booleans are 0 and 1.

-- +goose Up
CREATE TABLE organizations (
    id         TEXT    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL UNIQUE,
    created    INTEGER NOT NULL,
    -- grows with every change that a verdict may depend on
    revision   INTEGER NOT NULL DEFAULT 0,
    -- the revision that the saved result is of; below revision: something changed since
    reconciled INTEGER NOT NULL DEFAULT 0,
    last_run   INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX organizations_changed ON organizations (id) WHERE revision > reconciled;

CREATE TABLE sites (
    organization TEXT    NOT NULL REFERENCES organizations (id),
    name         TEXT    NOT NULL,
    created      INTEGER NOT NULL,
    PRIMARY KEY (organization, name)
) STRICT;

CREATE TABLE agents (
    id            TEXT    NOT NULL PRIMARY KEY,
    organization  TEXT    NOT NULL,
    site          TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    token_hash    TEXT    NOT NULL UNIQUE, -- SHA-256 of the token, in hex
    created       INTEGER NOT NULL,
    last_seen     INTEGER NOT NULL DEFAULT 0, -- by the collector's clock
    interval_ms   INTEGER NOT NULL DEFAULT 0,
    clock_skew_ms INTEGER NOT NULL DEFAULT 0, -- agent's clock minus collector's, at its last upload
    version       TEXT    NOT NULL DEFAULT '',
    disabled      INTEGER NOT NULL DEFAULT 0,
    UNIQUE (organization, site, name),
    FOREIGN KEY (organization, site) REFERENCES sites (organization, name)
) STRICT;

-- Reports taken, so that each counts once however often it is sent.
CREATE TABLE reports (
    agent     TEXT    NOT NULL REFERENCES agents (id),
    report_id TEXT    NOT NULL,
    epoch     INTEGER NOT NULL,
    seq       INTEGER NOT NULL,
    received  INTEGER NOT NULL,
    PRIMARY KEY (agent, report_id)
) STRICT;
CREATE INDEX reports_received ON reports (received);

-- The newest report of each node that was applied, per agent: (epoch, seq) of two agents do not compare.
CREATE TABLE watermarks (
    agent   TEXT    NOT NULL REFERENCES agents (id),
    address TEXT    NOT NULL,
    epoch   INTEGER NOT NULL,
    seq     INTEGER NOT NULL,
    PRIMARY KEY (agent, address)
) STRICT;

CREATE TABLE nodes (
    organization TEXT    NOT NULL,
    site         TEXT    NOT NULL,
    address      TEXT    NOT NULL,
    agent        TEXT    NOT NULL REFERENCES agents (id),
    name         TEXT    NOT NULL,
    platform     TEXT    NOT NULL,
    model        TEXT    NOT NULL,
    software     TEXT    NOT NULL,
    answered     INTEGER NOT NULL,
    complete     INTEGER NOT NULL,
    polled       INTEGER NOT NULL,
    last_good    INTEGER NOT NULL,
    problems     TEXT    NOT NULL, -- JSON
    fingerprint  TEXT    NOT NULL,
    PRIMARY KEY (organization, site, address),
    FOREIGN KEY (organization, site) REFERENCES sites (organization, name)
) STRICT;

CREATE TABLE sightings (
    id           INTEGER NOT NULL PRIMARY KEY,
    organization TEXT    NOT NULL,
    site         TEXT    NOT NULL,
    address      TEXT    NOT NULL,
    slot         TEXT    NOT NULL,
    serial       TEXT    NOT NULL,
    pid          TEXT    NOT NULL,
    component    TEXT    NOT NULL, -- JSON
    first_seen   INTEGER NOT NULL,
    -- 1: it was in the node's last report, so it was last seen at nodes.polled, and an unchanged report writes
    -- one row; 0: it was last seen at last_seen
    in_last      INTEGER NOT NULL,
    last_seen    INTEGER NOT NULL,
    gone         INTEGER NOT NULL DEFAULT 0,
    FOREIGN KEY (organization, site, address) REFERENCES nodes (organization, site, address)
) STRICT;
CREATE INDEX sightings_present ON sightings (organization, site, address) WHERE gone = 0;
CREATE INDEX sightings_serial ON sightings (organization, serial);

CREATE TABLE imports (
    id           INTEGER NOT NULL PRIMARY KEY,
    organization TEXT    NOT NULL REFERENCES organizations (id),
    file         TEXT    NOT NULL,
    sha256       TEXT    NOT NULL,
    imported_at  INTEGER NOT NULL, -- the newest time that this very file came
    lines        INTEGER NOT NULL,
    refusals     TEXT    NOT NULL, -- JSON: the rows that could not be used
    added        INTEGER NOT NULL,
    removed      INTEGER NOT NULL,
    changed      INTEGER NOT NULL
) STRICT;
CREATE INDEX imports_organization ON imports (organization, imported_at);

-- The newest import of each contract.
CREATE TABLE contracts (
    organization TEXT    NOT NULL REFERENCES organizations (id),
    number       TEXT    NOT NULL,
    import       INTEGER NOT NULL REFERENCES imports (id),
    PRIMARY KEY (organization, number)
) STRICT;

-- The lines of the newest import of each contract. ordinal tells lines of one key apart, such as quantities
-- without a serial.
CREATE TABLE lines (
    organization TEXT    NOT NULL,
    contract     TEXT    NOT NULL,
    line_key     TEXT    NOT NULL,
    ordinal      INTEGER NOT NULL,
    line         TEXT    NOT NULL, -- JSON
    PRIMARY KEY (organization, contract, line_key, ordinal),
    FOREIGN KEY (organization, contract) REFERENCES contracts (organization, number)
) STRICT;

-- What each import changed: before is '' for a line added, after is '' for one removed.
CREATE TABLE line_changes (
    import      INTEGER NOT NULL REFERENCES imports (id),
    contract    TEXT    NOT NULL,
    line_key    TEXT    NOT NULL,
    ordinal     INTEGER NOT NULL,
    line_before TEXT    NOT NULL, -- JSON
    line_after  TEXT    NOT NULL, -- JSON
    PRIMARY KEY (import, contract, line_key, ordinal)
) STRICT;

-- The ledgers that people keep themselves, each the newest as a whole.
CREATE TABLE ledgers (
    organization TEXT    NOT NULL REFERENCES organizations (id),
    kind         TEXT    NOT NULL, -- rma or orders
    file         TEXT    NOT NULL,
    imported_at  INTEGER NOT NULL,
    entries      TEXT    NOT NULL, -- JSON
    PRIMARY KEY (organization, kind)
) STRICT;

-- The units of the last result, in its order.
CREATE TABLE units (
    organization TEXT    NOT NULL REFERENCES organizations (id),
    ordinal      INTEGER NOT NULL,
    site         TEXT    NOT NULL,
    address      TEXT    NOT NULL,
    slot         TEXT    NOT NULL,
    serial       TEXT    NOT NULL,
    unit         TEXT    NOT NULL, -- JSON
    PRIMARY KEY (organization, ordinal)
) STRICT;

-- The units of the last result, counted: what is scraped must not read every unit.
CREATE TABLE unit_counts (
    organization TEXT    NOT NULL REFERENCES organizations (id),
    site         TEXT    NOT NULL,
    coverage     TEXT    NOT NULL,
    class        TEXT    NOT NULL,
    n            INTEGER NOT NULL,
    PRIMARY KEY (organization, site, coverage, class)
) STRICT;

CREATE TABLE findings (
    id              INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    organization    TEXT    NOT NULL REFERENCES organizations (id),
    finding_key     TEXT    NOT NULL,
    kind            TEXT    NOT NULL,
    severity        TEXT    NOT NULL,
    site            TEXT    NOT NULL,
    finding         TEXT    NOT NULL, -- JSON, with evidence and next step
    opened          INTEGER NOT NULL,
    updated         INTEGER NOT NULL,
    resolved        INTEGER NOT NULL DEFAULT 0,
    acknowledged    INTEGER NOT NULL DEFAULT 0,
    acknowledged_by TEXT    NOT NULL DEFAULT ''
) STRICT;
CREATE UNIQUE INDEX findings_open ON findings (organization, finding_key) WHERE resolved = 0;
CREATE INDEX findings_organization ON findings (organization, opened);

CREATE TABLE runs (
    id           INTEGER NOT NULL PRIMARY KEY,
    organization TEXT    NOT NULL REFERENCES organizations (id),
    ran_at       INTEGER NOT NULL,
    units        INTEGER NOT NULL,
    findings     INTEGER NOT NULL,
    opened       INTEGER NOT NULL,
    resolved     INTEGER NOT NULL
) STRICT;
CREATE INDEX runs_organization ON runs (organization, ran_at);

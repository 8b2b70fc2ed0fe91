-- +goose Up
-- How the spool of each agent stood at its last upload. (epoch, seq) is the newest report that is known here of an
-- exchange without a break: an agent that holds a receipt for more tells that this database went back.
CREATE TABLE agent_spools (
    agent        TEXT    NOT NULL PRIMARY KEY REFERENCES agents (id),
    organization TEXT    NOT NULL REFERENCES organizations (id),
    epoch        INTEGER NOT NULL,
    seq          INTEGER NOT NULL,
    waiting      INTEGER NOT NULL DEFAULT 0,
    oldest       INTEGER NOT NULL DEFAULT 0, -- of the reports that wait, by the collector's clock; 0: none waits
    quarantined  INTEGER NOT NULL DEFAULT 0,
    reason       TEXT    NOT NULL DEFAULT '', -- why the newest of these was set aside
    corrupt      INTEGER NOT NULL DEFAULT 0,
    dropped      TEXT    NOT NULL DEFAULT '{}' -- JSON: by reason, in this epoch
) STRICT;
INSERT INTO agent_spools (agent, organization, epoch, seq)
SELECT a.id, a.organization, w.epoch, MAX(w.seq)
FROM agents a JOIN watermarks w ON w.agent = a.id
WHERE w.epoch = (SELECT MAX(n.epoch) FROM watermarks n WHERE n.agent = a.id)
GROUP BY a.id, a.organization, w.epoch;

-- What is missing between two reports that are there, and why.
CREATE TABLE agent_gaps (
    agent        TEXT    NOT NULL REFERENCES agents (id),
    organization TEXT    NOT NULL REFERENCES organizations (id),
    reason       TEXT    NOT NULL,
    epoch        INTEGER NOT NULL,
    after_seq    INTEGER NOT NULL, -- the agent had a receipt for this report when it told
    noted_at     INTEGER NOT NULL, -- when it was last told
    missing      INTEGER NOT NULL, -- how many reports at most; spools where the reason is corrupt
    PRIMARY KEY (agent, reason, epoch, after_seq)
) STRICT;
CREATE INDEX agent_gaps_noted ON agent_gaps (organization, noted_at);

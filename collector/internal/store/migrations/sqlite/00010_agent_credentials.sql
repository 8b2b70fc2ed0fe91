-- Who an agent is: the key that it joined with, and the credentials that it got for it.

-- +goose Up
ALTER TABLE agents ADD COLUMN state TEXT NOT NULL DEFAULT 'active';   -- active, disabled, revoked or must_rejoin
ALTER TABLE agents ADD COLUMN public_key TEXT NOT NULL DEFAULT '';    -- Ed25519 in base64; '' before it joins, and with a static token
ALTER TABLE agents ADD COLUMN joined INTEGER NOT NULL DEFAULT 0;
ALTER TABLE agents ADD COLUMN instance TEXT NOT NULL DEFAULT '';      -- of the program, at the last upload
ALTER TABLE agents ADD COLUMN instance_since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE agents ADD COLUMN overlapped INTEGER NOT NULL DEFAULT 0;  -- when two instances were last seen at once
UPDATE agents SET state = 'revoked' WHERE disabled = 1;

-- Tokens that an agent may show. agents.token_hash is the newest one's, for the version before this one.
CREATE TABLE agent_credentials (
    hash         TEXT    NOT NULL PRIMARY KEY, -- SHA-256 of the token, in hex
    agent        TEXT    NOT NULL REFERENCES agents (id),
    organization TEXT    NOT NULL,
    created      INTEGER NOT NULL,
    expires      INTEGER NOT NULL,             -- 0 for a static token, which does not
    used         INTEGER NOT NULL              -- when it was first used
) STRICT;
CREATE INDEX agent_credentials_agent ON agent_credentials (agent);
INSERT INTO agent_credentials (hash, agent, organization, created, expires, used)
SELECT token_hash, id, organization, created, 0, last_seen FROM agents;

CREATE TABLE join_tokens (
    hash         TEXT    NOT NULL PRIMARY KEY, -- SHA-256 of the token, in hex
    agent        TEXT    NOT NULL REFERENCES agents (id),
    organization TEXT    NOT NULL,
    created      INTEGER NOT NULL,
    expires      INTEGER NOT NULL,
    used         INTEGER NOT NULL,
    public_key   TEXT    NOT NULL              -- that used it; '' before that
) STRICT;
CREATE INDEX join_tokens_agent ON join_tokens (agent);

-- Proofs that were taken, so that none is taken twice; each for as long as its time is near enough.
CREATE TABLE agent_nonces (
    nonce        TEXT    NOT NULL PRIMARY KEY,
    agent        TEXT    NOT NULL REFERENCES agents (id),
    organization TEXT    NOT NULL,
    expires      INTEGER NOT NULL
) STRICT;
CREATE INDEX agent_nonces_expires ON agent_nonces (expires);

-- The last instances of each agent's program.
CREATE TABLE agent_instances (
    agent        TEXT    NOT NULL REFERENCES agents (id),
    instance     TEXT    NOT NULL,
    organization TEXT    NOT NULL,
    last_seen    INTEGER NOT NULL,             -- until another one came
    PRIMARY KEY (agent, instance)
) STRICT;

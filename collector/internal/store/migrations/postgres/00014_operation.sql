-- +goose Up
-- The request that last changed something that a verdict depends on, for the log.
ALTER TABLE organizations ADD COLUMN request_id TEXT NOT NULL DEFAULT '';

-- When a backup was taken: one row in each copy, none in a database that serves.
CREATE TABLE backups (
    taken_at BIGINT NOT NULL
);

-- Each time that a backup took the place of the database. What agents delivered between taken_at and restored_at
-- is not in it. The newest id names the history that this database continues.
CREATE TABLE restores (
    id          TEXT   NOT NULL PRIMARY KEY, -- random
    restored_at BIGINT NOT NULL,
    taken_at    BIGINT NOT NULL
);

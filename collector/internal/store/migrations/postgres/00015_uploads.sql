-- +goose Up
-- Files that a person looks at before they are imported, kept for a day.
CREATE TABLE uploads (
    id           TEXT    NOT NULL PRIMARY KEY, -- random
    organization TEXT    NOT NULL REFERENCES organizations (id),
    kind         TEXT    NOT NULL, -- contract, rma or orders
    name         TEXT    NOT NULL, -- of the file
    options      TEXT    NOT NULL, -- JSON: what a person said of it
    content      BYTEA   NOT NULL,
    created      BIGINT  NOT NULL
);
CREATE INDEX uploads_organization ON uploads (organization, created);

-- +goose Up
-- What one collector at a time does of those on one database. A lease ends by itself.
CREATE TABLE leases (
    name    TEXT    NOT NULL PRIMARY KEY,
    holder  TEXT    NOT NULL,
    expires INTEGER NOT NULL
) STRICT;

-- The row that a collector locks while it reconciles an organization.
CREATE TABLE reconcile_jobs (
    organization TEXT NOT NULL PRIMARY KEY REFERENCES organizations (id)
) STRICT;

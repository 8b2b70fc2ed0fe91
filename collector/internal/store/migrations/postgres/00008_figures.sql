-- +goose Up
-- The figures of the last result for graphs and alerts, as JSON: what is scraped must not count all lines anew.
CREATE TABLE figures (
    organization TEXT NOT NULL PRIMARY KEY REFERENCES organizations (id),
    figures      TEXT NOT NULL
);

-- +goose Up
-- That the data moved to PostgreSQL, or is about to: while there is a row, this file is not served.
CREATE TABLE moves (
    id       TEXT   NOT NULL PRIMARY KEY, -- random, and the same on both sides
    began    INTEGER NOT NULL,
    finished INTEGER NOT NULL -- 0: not known to have ended
) STRICT;

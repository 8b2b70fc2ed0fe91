-- +goose Up
-- The move from a file that filled this database.
CREATE TABLE moves (
    id       TEXT   NOT NULL PRIMARY KEY, -- random, and the same on both sides
    began    BIGINT NOT NULL,
    finished BIGINT NOT NULL -- 0: not known to have ended
);

-- +goose Up
-- What people said of units, one word for each: the newest.
CREATE TABLE declarations (
    organization TEXT    NOT NULL REFERENCES organizations (id),
    serial       TEXT    NOT NULL, -- cleaned
    pid          TEXT    NOT NULL, -- '' for whatever product has the serial
    kind         TEXT    NOT NULL,
    author       TEXT    NOT NULL,
    declared_on  TEXT    NOT NULL,
    reason       TEXT    NOT NULL,
    obtained     TEXT    NOT NULL, -- '' when not known
    PRIMARY KEY (organization, serial, pid)
);

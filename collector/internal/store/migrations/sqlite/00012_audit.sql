-- +goose Up
-- Who did what that changes a verdict, a credential or a right. Each entry has the hash of the one before it, so one that
-- is changed or taken away is found.
CREATE TABLE audit (
    seq          INTEGER NOT NULL PRIMARY KEY,
    at           INTEGER NOT NULL,
    organization TEXT    NOT NULL, -- '' for what is of none or of all
    actor        TEXT    NOT NULL,
    action       TEXT    NOT NULL,
    subject      TEXT    NOT NULL,
    detail       TEXT    NOT NULL, -- JSON
    previous     TEXT    NOT NULL, -- hash of the entry before
    hash         TEXT    NOT NULL
) STRICT;
CREATE INDEX audit_organization ON audit (organization, seq);

-- The newest entry. Whoever writes holds this row, so that entries are one after the other.
CREATE TABLE audit_head (
    id   INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    seq  INTEGER NOT NULL,
    hash TEXT    NOT NULL
) STRICT;
INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, '');

-- +goose StatementBegin
CREATE TRIGGER audit_kept BEFORE UPDATE ON audit BEGIN
    SELECT RAISE(ABORT, 'entries of the audit log are never changed');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_whole BEFORE DELETE ON audit BEGIN
    SELECT RAISE(ABORT, 'entries of the audit log are never deleted');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_ahead BEFORE UPDATE ON audit_head WHEN NEW.seq NOT IN (OLD.seq, OLD.seq + 1) BEGIN
    SELECT RAISE(ABORT, 'the audit log only grows');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_headed BEFORE DELETE ON audit_head BEGIN
    SELECT RAISE(ABORT, 'the audit log only grows');
END;
-- +goose StatementEnd

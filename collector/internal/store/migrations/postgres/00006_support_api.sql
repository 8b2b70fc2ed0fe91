-- +goose Up
-- What Cisco's Support APIs were asked, the newest answer to each question, and when to ask again.
CREATE TABLE support_answers (
    organization TEXT    NOT NULL REFERENCES organizations (id),
    api          TEXT    NOT NULL, -- coverage, eox or rma
    subject      TEXT    NOT NULL, -- a serial number, a product, an RMA number or "user:" and a user
    account      TEXT    NOT NULL, -- that it was asked with; '' for the file of a saved answer
    answered     BIGINT  NOT NULL, -- 0 when only failures came
    due          BIGINT  NOT NULL, -- when to ask again
    problem      TEXT    NOT NULL, -- why the last try failed; '' when it did not
    answer       TEXT    NOT NULL, -- JSON; '' for none
    PRIMARY KEY (organization, api, subject)
);
-- Products are the same for all organizations of an account.
CREATE INDEX support_answers_shared ON support_answers (account, subject) WHERE api = 'eox';

-- The calls of a day, so that a restart does not begin a quota anew.
CREATE TABLE support_calls (
    account TEXT    NOT NULL PRIMARY KEY,
    day     TEXT    NOT NULL, -- UTC
    calls   BIGINT  NOT NULL
);

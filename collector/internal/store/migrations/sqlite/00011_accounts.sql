-- +goose Up
-- Who may use the pages and the API. Of a secret only its hash is here: SHA-256 in hex of 256 random bits, argon2id of a
-- password.
CREATE TABLE accounts (
    id         TEXT    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL UNIQUE, -- what is typed to log in, in lower case; an e-mail address where it is one
    password   TEXT    NOT NULL, -- PHC string; '' for none
    subject    TEXT    NOT NULL, -- issuer and subject of OpenID Connect, once it was used; '' for none
    disabled   INTEGER NOT NULL,
    created    INTEGER NOT NULL,
    last_login INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX accounts_subject ON accounts (subject) WHERE subject <> '';

-- Roles; organization is '' for all organizations.
CREATE TABLE account_grants (
    account      TEXT NOT NULL REFERENCES accounts (id),
    organization TEXT NOT NULL,
    role         TEXT NOT NULL, -- viewer, editor or admin
    PRIMARY KEY (account, organization)
) STRICT;

CREATE TABLE sessions (
    hash      TEXT    NOT NULL PRIMARY KEY,
    account   TEXT    NOT NULL REFERENCES accounts (id),
    created   INTEGER NOT NULL,
    last_used INTEGER NOT NULL,
    expires   INTEGER NOT NULL, -- at the latest
    address   TEXT    NOT NULL, -- that it was begun from
    browser   TEXT    NOT NULL
) STRICT;
CREATE INDEX sessions_account ON sessions (account);

-- Links of one use: to make the first account (account is ''), or to set the password of one.
CREATE TABLE setup_codes (
    hash    TEXT    NOT NULL PRIMARY KEY,
    account TEXT    NOT NULL,
    expires INTEGER NOT NULL
) STRICT;

-- Tokens of the API; organization is '' for all that the account may see, account '' for one of the command line.
CREATE TABLE api_tokens (
    id           TEXT    NOT NULL PRIMARY KEY,
    hash         TEXT    NOT NULL UNIQUE,
    name         TEXT    NOT NULL,
    account      TEXT    NOT NULL,
    scope        TEXT    NOT NULL, -- read, write or metrics
    organization TEXT    NOT NULL,
    created      INTEGER NOT NULL,
    expires      INTEGER NOT NULL,
    last_used    INTEGER NOT NULL,
    revoked      INTEGER NOT NULL
) STRICT;
CREATE INDEX api_tokens_account ON api_tokens (account);

-- Tries to log in within a window of time, by account, address or browser.
CREATE TABLE login_tries (
    kind    TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    began   INTEGER NOT NULL,
    tries   INTEGER NOT NULL,
    PRIMARY KEY (kind, subject)
) STRICT;
CREATE INDEX login_tries_began ON login_tries (began);

-- Browsers in which an account was logged in before: others' tries do not lock them out.
CREATE TABLE known_browsers (
    hash      TEXT    NOT NULL PRIMARY KEY,
    account   TEXT    NOT NULL REFERENCES accounts (id),
    last_used INTEGER NOT NULL
) STRICT;
CREATE INDEX known_browsers_account ON known_browsers (account);

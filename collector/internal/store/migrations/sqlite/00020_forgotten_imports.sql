-- +goose Up
-- 1 once the import is older than the history that is kept and no newest one: what it changed is not kept any more, and it
-- cannot be undone.
ALTER TABLE imports ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0;

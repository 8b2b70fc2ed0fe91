-- +goose Up
-- When changes were last given up for a receiver, and what kept them from it.
ALTER TABLE receivers ADD COLUMN gave_up BIGINT NOT NULL DEFAULT 0;
ALTER TABLE receivers ADD COLUMN gave_up_for TEXT NOT NULL DEFAULT '';

-- A message may have a retry strategy of its own; NULL means that its customer's counts.
ALTER TABLE messages ADD COLUMN retry jsonb;
ALTER TABLE dead_letters ADD COLUMN retry jsonb;

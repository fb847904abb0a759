-- Adds a piece of an import or export.
INSERT INTO job_pieces (job_id, number, first_line, body_hash, body)
VALUES (%(id)s, %(number)s, %(first_line)s, %(body_hash)s, %(body)s)

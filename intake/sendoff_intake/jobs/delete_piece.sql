-- Deletes a piece that was taken to its end.
DELETE FROM job_pieces WHERE job_id = %(id)s AND number = %(number)s

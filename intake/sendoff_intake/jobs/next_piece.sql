-- Returns the next piece of an import.
SELECT number, first_line, taken, body FROM job_pieces WHERE job_id = %(id)s ORDER BY number LIMIT 1

-- Returns a piece of what an export has made.
SELECT body FROM job_pieces WHERE job_id = %(id)s AND number = %(number)s

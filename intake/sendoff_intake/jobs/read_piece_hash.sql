-- Returns of which bytes a piece was made.
SELECT body_hash FROM job_pieces WHERE job_id = %(id)s AND number = %(number)s

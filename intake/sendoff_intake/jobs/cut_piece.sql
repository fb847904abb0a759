-- Writes how many lines of a piece were taken, so that the next step goes on behind them.
UPDATE job_pieces SET taken = %(taken)s WHERE job_id = %(id)s AND number = %(number)s

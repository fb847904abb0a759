-- Locks a job while a piece is added to it, and returns where it is.
SELECT state, pieces, lines FROM jobs WHERE id = %(id)s FOR UPDATE

-- Returns how much the pieces of all jobs take.
SELECT coalesce(sum(held_bytes), 0)::bigint FROM jobs WHERE held_bytes > 0

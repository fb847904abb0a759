-- Returns in how many seconds the next step of a job is due, null if no job runs.
SELECT extract(epoch FROM min(next_step_at) - clock_timestamp())::float8 FROM jobs WHERE state = 'running'

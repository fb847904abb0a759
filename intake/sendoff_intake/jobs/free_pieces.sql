-- Deletes pieces of jobs that will not go on, and of exports that ended a while ago, a bounded number at a time; returns
-- how many.
WITH gone AS (
    DELETE FROM job_pieces
     WHERE ctid = ANY (ARRAY(SELECT job_pieces.ctid
                               FROM jobs JOIN job_pieces ON job_pieces.job_id = jobs.id
                              WHERE jobs.held_bytes > 0
                                AND (jobs.state = 'cancelled'
                                     OR jobs.state = 'done' AND jobs.finished_at < now() - %(kept)s::interval)
                              LIMIT 100
                                FOR UPDATE OF job_pieces SKIP LOCKED))
    RETURNING job_id, octet_length(body) AS size
), freed AS (
    UPDATE jobs
       SET held_bytes = held_bytes - of_job.size
      FROM (SELECT job_id, sum(size) AS size FROM gone GROUP BY job_id) AS of_job
     WHERE jobs.id = of_job.job_id
)
SELECT count(*) FROM gone

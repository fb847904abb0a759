-- Tells whether all workers are short of their own, nothing is claimed although something was due 15 seconds ago,
-- or no worker can record.
WITH workers AS MATERIALIZED (
    SELECT claim_by > clock_timestamp() AS claims, coalesce(record_by > clock_timestamp(), true) AS records, is_short
      FROM living_processes
     WHERE role = 'worker'
)
SELECT EXISTS (SELECT FROM workers) AND NOT EXISTS (SELECT FROM workers WHERE NOT is_short),
       EXISTS (SELECT FROM control_state WHERE scope = 'global' AND desired = 'running')
       AND NOT EXISTS (SELECT FROM workers WHERE claims)
       AND (EXISTS (SELECT FROM due WHERE holder IS NULL AND visible_at < statement_timestamp() - interval '15 s')
            OR EXISTS (SELECT FROM retries WHERE next_attempt_at < statement_timestamp() - interval '15 s')),
       EXISTS (SELECT FROM workers) AND NOT EXISTS (SELECT FROM workers WHERE records)

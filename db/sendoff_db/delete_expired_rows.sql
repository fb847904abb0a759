-- Deletes old rows of the plain tables, at most 2000 of each, and returns how many; idempotency keys live for three days
-- in any case, jobs that do not run for 30, hours of customers for 90, the audit for a year.
WITH keys AS (
    DELETE FROM idempotency_keys
     WHERE ctid = ANY (ARRAY(SELECT ctid FROM idempotency_keys WHERE created_at < now() - interval '3 days'
                              ORDER BY created_at LIMIT 2000 FOR UPDATE SKIP LOCKED)) RETURNING 1
), cancelled AS (
    DELETE FROM cancellations
     WHERE ctid = ANY (ARRAY(SELECT ctid FROM cancellations WHERE cancelled_at < %(before)s
                              ORDER BY cancelled_at LIMIT 2000 FOR UPDATE SKIP LOCKED)) RETURNING 1
), commands AS (
    DELETE FROM control_commands
     WHERE ctid = ANY (ARRAY(SELECT ctid FROM control_commands WHERE received_at < %(before)s
                              ORDER BY received_at LIMIT 2000 FOR UPDATE SKIP LOCKED)) RETURNING 1
), told AS (
    DELETE FROM fleet_events
     WHERE ctid = ANY (ARRAY(SELECT ctid FROM fleet_events WHERE happened_at < %(before)s
                              LIMIT 2000 FOR UPDATE SKIP LOCKED)) RETURNING 1
), audited AS (
    DELETE FROM audit
     WHERE id = ANY (ARRAY(SELECT id FROM audit WHERE happened_at < now() - interval '1 year'
                            ORDER BY happened_at LIMIT 2000)) RETURNING 1
), hours AS (
    DELETE FROM customer_hours
     WHERE ctid = ANY (ARRAY(SELECT ctid FROM customer_hours WHERE hour < now() - interval '90 days'
                              ORDER BY hour LIMIT 2000 FOR UPDATE SKIP LOCKED)) RETURNING 1
), worked AS (
    DELETE FROM jobs
     WHERE id = ANY (ARRAY(SELECT id FROM jobs
                            WHERE state <> 'running' AND coalesce(finished_at, created_at) < now() - interval '30 days'
                            LIMIT 2000 FOR UPDATE SKIP LOCKED)) RETURNING 1
), dead AS (
    DELETE FROM processes WHERE heartbeat_at < now() - interval '1 hour' RETURNING 1
), idle AS (
    DELETE FROM ticks WHERE ticked_at < now() - interval '1 day' RETURNING 1
), saturated AS (
    DELETE FROM saturated_customers WHERE until < now() - interval '1 hour' RETURNING 1
), secrets AS (
    DELETE FROM customer_secrets WHERE expires_at <= now() RETURNING 1
)
SELECT (SELECT count(*) FROM keys) + (SELECT count(*) FROM cancelled) + (SELECT count(*) FROM commands)
     + (SELECT count(*) FROM told) + (SELECT count(*) FROM audited) + (SELECT count(*) FROM hours)
     + (SELECT count(*) FROM worked)
     + (SELECT count(*) FROM dead) + (SELECT count(*) FROM idle)
     + (SELECT count(*) FROM saturated) + (SELECT count(*) FROM secrets)

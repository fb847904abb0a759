-- Records this process as living and returns all states with the database's clock.
-- Gives at least one row; its scope is null when there is no state. The global one lists the living processes.
WITH reported AS (
    INSERT INTO processes (instance, process, role, host, pid, version, started_at, heartbeat_at,
                           epoch, revision, actual, in_flight, buses, scopes, claim_by, record_by, is_short)
    VALUES (%(instance)s, %(process)s, %(role)s, %(host)s, %(pid)s, %(version)s, %(started_at)s, clock_timestamp(),
            %(epoch)s, %(revision)s, %(actual)s, %(in_flight)s, %(buses)s, %(scopes)s,
            to_timestamp(%(claim_by)s), to_timestamp(%(record_by)s), %(is_short)s)
        ON CONFLICT (instance, process, role) DO UPDATE
       SET host = excluded.host, pid = excluded.pid, version = excluded.version, started_at = excluded.started_at,
           heartbeat_at = excluded.heartbeat_at, epoch = excluded.epoch, revision = excluded.revision,
           actual = excluded.actual, in_flight = excluded.in_flight, buses = excluded.buses, scopes = excluded.scopes,
           claim_by = excluded.claim_by, record_by = excluded.record_by, is_short = excluded.is_short
)
SELECT extract(epoch FROM clock_timestamp())::float8, state.scope, state.epoch, state.revision, state.desired,
       CASE WHEN state.scope = 'global'
            THEN (SELECT jsonb_agg(jsonb_build_array(instance, role, process)) FROM living_processes) END
  FROM (VALUES (1)) AS one LEFT JOIN control_state AS state ON true

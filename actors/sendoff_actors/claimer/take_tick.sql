-- Takes an instance's tick; one that was taken before, or an older one, gives no row.
INSERT INTO ticks (instance, tick) VALUES (%(instance)s, %(tick)s)
    ON CONFLICT (instance) DO UPDATE SET tick = excluded.tick, ticked_at = now() WHERE ticks.tick < excluded.tick
RETURNING tick

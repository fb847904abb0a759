-- Reads what is known of an undelivered message and of all that may hold it back; no row when it has ended.
SELECT waiting.customer_id AS customer, now() AS now, waiting.due_at, waiting.failed_attempts, waiting.holder,
       waiting.lease_until,
       fleet.changed_at AS stopped_at, fleet.reason AS stop_reason,
       (SELECT count(*)::integer FROM living_processes WHERE role = 'worker') AS workers,
       pause.paused_at, pause.reason AS pause_reason,
       open_breakers.opened_at AS breaker_opened_at, open_breakers.probe_at,
       CASE WHEN customers.rate IS NOT NULL THEN rate_slots.next_slot_at END AS next_slot_at,
       customers.concurrency,
       CASE WHEN customers.concurrency IS NULL THEN 0
            ELSE (SELECT count(*)::integer FROM due
                   WHERE due.customer_id = waiting.customer_id AND due.holder IS NOT NULL AND due.limited) END AS claimed,
       (SELECT max(until) FROM saturated_customers WHERE saturated_customers.customer_id = waiting.customer_id AND until > now()) AS saturated_until
  FROM (SELECT customer_id, due_at, attempts AS failed_attempts, holder,
               CASE WHEN holder IS NOT NULL THEN visible_at END AS lease_until
          FROM due WHERE message_id = %(id)s
         UNION ALL
        SELECT customer_id, next_attempt_at, attempts, NULL, NULL FROM retries WHERE message_id = %(id)s) AS waiting
  LEFT JOIN control_state AS fleet ON fleet.scope = 'global' AND fleet.desired = 'stopped'
  LEFT JOIN paused_customers AS pause ON pause.customer_id = waiting.customer_id
  LEFT JOIN customers ON customers.id = waiting.customer_id
  LEFT JOIN open_breakers ON open_breakers.customer_id = waiting.customer_id
  LEFT JOIN rate_slots ON rate_slots.customer_id = waiting.customer_id
 LIMIT 1

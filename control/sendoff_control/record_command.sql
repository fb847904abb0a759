-- Records a command once, and in the audit. A known id gives no row, once the transaction that records it has ended.
WITH recorded AS (
    INSERT INTO control_commands
           (command_id, scope, action, status, epoch, revision, desired, origin, requested_by, reason)
    VALUES (%(command_id)s, %(scope)s, %(action)s, %(status)s, %(epoch)s, %(revision)s, %(desired)s, %(origin)s,
            %(requested_by)s, %(reason)s)
        ON CONFLICT (command_id) DO NOTHING
 RETURNING command_id, scope, action, status, revision, requested_by, reason
)
INSERT INTO audit (actor, action, target, customer_id, request_id, details, incarnation)
SELECT %(actor)s::text, action, scope, nullif(scope, 'global'), %(request_id)s::text,
       jsonb_build_object('commandId', command_id, 'status', status, 'revision', revision,
                          'requestedBy', requested_by, 'reason', reason),
       (SELECT incarnation FROM customers WHERE customers.id = recorded.scope)
  FROM recorded

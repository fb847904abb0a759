-- Records a command once: a known id gives no row, after the transaction that is recording it has ended.
INSERT INTO control_commands
       (command_id, scope, action, status, epoch, revision, desired, origin, requested_by, reason)
VALUES (%(command_id)s, %(scope)s, %(action)s, %(status)s, %(epoch)s, %(revision)s, %(desired)s, %(origin)s,
        %(requested_by)s, %(reason)s)
    ON CONFLICT (command_id) DO NOTHING

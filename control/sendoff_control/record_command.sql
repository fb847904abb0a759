-- Records a command once; inserts nothing when its id is known, having waited for whoever is recording it.
INSERT INTO control_commands
       (command_id, scope, action, status, epoch, revision, desired, origin, requested_by, reason)
VALUES (%(command_id)s, %(scope)s, %(action)s, %(status)s, %(epoch)s, %(revision)s, %(desired)s, %(origin)s,
        %(requested_by)s, %(reason)s)
    ON CONFLICT (command_id) DO NOTHING

-- Writes the desired state of a new installation; an existing one stays as it was commanded.
INSERT INTO control_state (scope, desired, changed_by) VALUES ('global', %(desired)s, 'config')
    ON CONFLICT (scope) DO NOTHING

-- Reads the decision about a command.
SELECT scope, epoch, revision, desired FROM control_commands WHERE command_id = %(command_id)s

-- The index that finds the dead letters to a recipient: somebody asks for theirs, and the others are passed by.
CREATE INDEX dead_letters_recipient ON dead_letters (recipient, message_id);
